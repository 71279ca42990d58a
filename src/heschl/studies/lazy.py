"""A model of a study, which may take long to load, or fail to."""

from __future__ import annotations

from heschl.models import AudioModel, load_model


class LazyModel:
    """A model that is loaded once, when it is first needed; its failure to load is kept, too.

    Parameters
    ----------
    name : str
        As `heschl.load_model` takes it.
    device : str, optional
        Where it is to run, if it is a network; one that is none stays where it is, so that a study
        may name a device for all of its models.
    """

    def __init__(self, name: str, device: str | None = None) -> None:
        self.name, self._device = name, device
        self._loaded: AudioModel | None = None
        self._error: Exception | None = None

    @property
    def failed(self) -> bool:
        """Whether it could not be loaded."""
        return self._error is not None

    def get(self) -> AudioModel:
        """Return the model."""
        if self._error is not None:
            raise self._error
        if self._loaded is None:
            try:
                self._loaded = self._load()
            except Exception as error:
                self._error = error
                raise
        return self._loaded

    def _load(self) -> AudioModel:
        loaded = load_model(self.name)
        if self._device is None or getattr(loaded, "network", None) is None:
            return loaded
        return loaded.to(self._device)
