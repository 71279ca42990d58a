"""The named analyses of representational similarity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from heschl.registry import Registry

_CITATION = (
    "Pepino, Riera, Kamienkowski & Ferrer (2025). Better audio representations are more "
    "brain-like. arXiv:2511.16849"
)


@dataclass(frozen=True)
class RsaProtocol:
    """Spearman's rho between dissimilarity matrices of one layer and of a listener.

    Attributes
    ----------
    name : str
    version : int
        Raised whenever a number that the protocol gives could change.
    layer_choice : {"crossval", "max"}
        How the layer is chosen; see `heschl.rsa.score`.
    summary, citation : str
    """

    name: str
    version: int
    layer_choice: Literal["crossval", "max"]
    summary: str
    citation: str


PROTOCOLS: Registry[RsaProtocol] = Registry(
    "protocol of the metric rsa",
    [
        RsaProtocol(
            name="pepino2025",
            version=1,
            layer_choice="crossval",
            summary=(
                "Spearman's rho of dissimilarity matrices, the layer chosen on the sounds of "
                "other folds"
            ),
            citation=_CITATION,
        ),
        RsaProtocol(
            name="pepino2025-max",
            version=1,
            layer_choice="max",
            summary="Spearman's rho of dissimilarity matrices, the best layer over all listeners",
            citation=_CITATION,
        ),
    ],
)
