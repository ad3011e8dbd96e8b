"""The geometry of a generator's images y = F(z): an n-dimensional surface in the space of y (N, D), z (N, n) its coordinates.

∂ᵢF are the columns of J and ⟨·,·⟩ is the scalar product of pixels. All derivatives are exact, in float64:

    metric gᵢⱼ = ⟨∂ᵢF, ∂ⱼF⟩        the length in pixels of a step of z; √det g is the volume, singular values of J the stretches
    Christoffel Γᵏᵢⱼ, II            the curvature of the coordinates, and of the surface itself
    sectional curvature             of a plane of tangents: 1/R² on a sphere, 0 on a cylinder
    Laplace-Beltrami Δf             the Laplacian on the surface
    principal angles                the angles between two tangent spaces
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
