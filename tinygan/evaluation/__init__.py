"""Evaluate trained runs: measures of generated images, accuracy of classifiers, battles."""
