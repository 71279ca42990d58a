"""Representational similarity: dissimilarity matrices of models and brains, and how they agree."""

from heschl.rsa.comparison import Ceiling, ceiling, spearman
from heschl.rsa.dissimilarity import brain_rdms, rdm, upper_triangle
from heschl.rsa.protocols import PROTOCOLS, RsaProtocol
from heschl.rsa.resampling import bootstrap, bootstrap_layers, permutation_null
from heschl.rsa.scoring import Rsa, model_rdms, score, score_rdms

__all__ = [
    "PROTOCOLS",
    "Ceiling",
    "Rsa",
    "RsaProtocol",
    "bootstrap",
    "bootstrap_layers",
    "brain_rdms",
    "ceiling",
    "model_rdms",
    "permutation_null",
    "rdm",
    "score",
    "score_rdms",
    "spearman",
    "upper_triangle",
]
