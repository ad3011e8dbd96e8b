"""The geometry of a generator's images y = F(z): an n-dimensional surface in the space of y (N, D), z (N, n) its coordinates.

With ∂ᵢF the columns of J, ⟨·,·⟩ the plain product of pixels, and everything exact (tangents, adjoints and second derivatives
by hand, in float64):

    metric gᵢⱼ = ⟨∂ᵢF, ∂ⱼF⟩        what moving z costs in pixels; √det g its volume, singular values of J its stretches
    Christoffel Γᵏᵢⱼ, II            how the coordinates, and the surface itself, bend
    sectional curvature             of a plane of tangents: 1/R² on a sphere, 0 on what unrolls
    Laplace-Beltrami Δf             the Laplacian on the surface
    principal angles                how far two tangent spaces are turned from each other
    geodesic, project               the shortest path between two z, and the z nearest an image

F is a ``Generator(net, θ)``, or any object with the methods of ``Chart``.
"""

from tinygan.geometry.chart import Chart, Composed, Generator, derivatives, jacobian
from tinygan.geometry.curvature import christoffel, laplace_beltrami, second_fundamental, sectional
from tinygan.geometry.geodesic import Geodesic, Projection, energy, geodesic, project
from tinygan.geometry.metric import local_rank, metric, principal_angles, singular_values, volume

__all__ = [
    "Chart",
    "Composed",
    "Generator",
    "Geodesic",
    "Projection",
    "christoffel",
    "derivatives",
    "energy",
    "geodesic",
    "jacobian",
    "laplace_beltrami",
    "local_rank",
    "metric",
    "principal_angles",
    "project",
    "second_fundamental",
    "sectional",
    "singular_values",
    "volume",
]
