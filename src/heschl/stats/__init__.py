"""Statistics over voxels, listeners and sounds: resampling, intervals and tests."""

from heschl.stats.comparisons import PairedDifference, SignFlip, paired_difference, sign_flip_test
from heschl.stats.correlations import BootstrapR2, bootstrap_listeners, bootstrap_r2
from heschl.stats.intervals import Interval, interval, why_not
from heschl.stats.listeners import OverListeners, median_over_groups, over_listeners
from heschl.stats.resampling import bootstrap_mean, resamples
from heschl.stats.significance import fdr, p_value

__all__ = [
    "BootstrapR2",
    "Interval",
    "OverListeners",
    "PairedDifference",
    "SignFlip",
    "bootstrap_listeners",
    "bootstrap_mean",
    "bootstrap_r2",
    "fdr",
    "interval",
    "median_over_groups",
    "over_listeners",
    "p_value",
    "paired_difference",
    "resamples",
    "sign_flip_test",
    "why_not",
]
