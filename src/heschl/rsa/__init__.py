"""Representational similarity: dissimilarity matrices of models and brains, and how they agree."""

from __future__ import annotations

from heschl.rsa.comparison import Ceiling, ceiling, spearman
from heschl.rsa.dissimilarity import brain_rdms, rdm, upper_triangle
from heschl.rsa.layers import model_rdms
from heschl.rsa.permutation import null_scores, permutation_null
from heschl.rsa.protocols import PROTOCOLS, RsaProtocol
from heschl.rsa.resampling import bootstrap, bootstrap_layers
from heschl.rsa.scoring import Rsa, score, score_rdms

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
    "null_scores",
    "permutation_null",
    "rdm",
    "score",
    "score_rdms",
    "spearman",
    "upper_triangle",
]
