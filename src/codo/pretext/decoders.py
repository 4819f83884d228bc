"""Small decoders from the backbone's maps to pixels; they are trained with it and not exported.

Legend: B batch, C channels of a map, H and W height and width of the images.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F


class Hypercolumns(nn.Module):
    """All four maps at stride 4: each projected, enlarged and added, then two convolutions.

    Hypercolumns (Hariharan et al. 2015) are what Larsson et al. 2017 color with when the backbone is a ResNet; adding
    projections is the same as concatenating the maps before one projection, and takes less memory.

    Args:
        channels: C of each of the four maps.
        width: Channels of the decoder.
        outputs: Channels of the result.
    """

    def __init__(self, channels: Sequence[int], width: int, outputs: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList([nn.Conv2d(count, width, 1, bias=False) for count in channels])
        self.head = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, outputs, 1),
        )

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Maps of strides 4 to 32 -> (B, outputs, H / 4, W / 4)."""
        size = maps[0].shape[2:]
        total = self.lateral[0](maps[0])
        for lateral, one in zip(list(self.lateral)[1:], maps[1:], strict=True):
            total = total + F.interpolate(lateral(one), size=size, mode="bilinear", align_corners=False)
        result: Tensor = self.head(total)
        return result


class UpConvolutions(nn.Module):
    """The last map to images, as in context encoders (Pathak et al. 2016, section 3.1).

    A channel-wise fully connected layer lets every place of a channel see all others, so that what surrounds a block
    reaches its middle; a convolution mixes the channels; five up-convolutions double the size each.

    Args:
        channels: C of the last map.
        places: Its number of places, height times width.
        width: Channels after the first layer; each up-convolution has half as many as the one before, at least 16.
    """

    def __init__(self, channels: int, places: int, width: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, width, 1)
        # A convolution with a group for each channel over all places: one matrix for each channel.
        self.spread = nn.Conv1d(width * places, width * places, 1, groups=width)
        self.mix = nn.Sequential(nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        widths = [max(16, width >> halvings) for halvings in range(5)]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.enlarge = nn.Sequential(*layers, nn.ConvTranspose2d(widths[-1], 3, 4, 2, 1))

    def forward(self, last: Tensor) -> Tensor:
        """(B, C, h, w) with h w places -> (B, 3, 32 h, 32 w)."""
        x = self.reduce(last)
        x = self.spread(x.flatten(1)[..., None]).view_as(x).relu()
        result: Tensor = self.enlarge(self.mix(x))
        return result
