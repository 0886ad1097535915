"""How far drawn images are from others."""

from torch import Tensor

from kdviz.arguments import finite


def completion_errors(images: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference of each image's right half, shape (N,), float64.

    Parameters
    ----------
    images, truth : Tensor, shape (N, C, H, W)
        Pixels in [0, 1]. The left half, which a completed image shares with the truth, does not count.

    Raises
    ------
    ValueError
        Shapes that differ, or numbers that are not finite.
    """
    sizes: dict[str, int] = {}
    drawn, true = (finite(name, given, "N C H W", sizes) for name, given in (("images", images), ("truth", truth)))
    if sizes["W"] < 2:
        raise ValueError("images of one column have no right half")
    apart = (drawn.double() - true.double()).abs()
    return apart[..., sizes["W"] // 2 :].flatten(1).mean(1)
