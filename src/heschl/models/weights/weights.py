"""Where the weights of a model are published, and under which terms."""

from __future__ import annotations

from dataclasses import dataclass

from heschl.errors import UsageError
from heschl.fetch import RemoteFile, TarMembers


@dataclass(frozen=True)
class Weights:
    """The released files of a model.

    Attributes
    ----------
    files : tuple of RemoteFile
        ``path`` is the released name, below the model's own folder.
    licence : str
        Of the weights; "not stated" where nobody says.
    accept : bool
        Whether the licence has to be accepted explicitly (non-commercial, experiments only).
    convert : bool
        Whether the files hold objects besides tensors and plain values (dill, OmegaConf), so that
        they are converted to safetensors once they are here.
    archive : TarMembers or None
        Of files that are members of one large archive.
    keep : tuple of str
        Which top-level entries of a converted file to keep, if not all: the others that hold
        tensors (the state of an optimizer) are left out.
    by_hand : str or None
        What a user has to do where the files have no address that is known, so that their ``url``
        is the page that releases them: "download ..."; None where heschl downloads them.
    """

    files: tuple[RemoteFile, ...]
    licence: str
    accept: bool = False
    convert: bool = False
    archive: TarMembers | None = None
    keep: tuple[str, ...] = ()
    by_hand: str | None = None

    def __post_init__(self) -> None:
        if not self.files:
            raise UsageError("weights without a file; expected at least one RemoteFile")
