"""Statistics over voxels, listeners, sounds and models: resampling, intervals and tests."""

from heschl.stats.association import Association, CorrelationKind, correlate
from heschl.stats.comparisons import PairedDifference, SignFlip, paired_difference, sign_flip_test
from heschl.stats.correlations import BootstrapR2, bootstrap_listeners, bootstrap_r2
from heschl.stats.families import of_family_means, within_families, without_each_family
from heschl.stats.groups import GroupDifference, compare_groups
from heschl.stats.intervals import Interval, interval, why_not
from heschl.stats.listeners import OverListeners, median_over_groups, over_listeners
from heschl.stats.partial import partial_correlation
from heschl.stats.resampling import bootstrap_mean, resamples
from heschl.stats.significance import fdr, p_value
from heschl.stats.zscores import overall, task_zscores

__all__ = [
    "Association",
    "BootstrapR2",
    "CorrelationKind",
    "GroupDifference",
    "Interval",
    "OverListeners",
    "PairedDifference",
    "SignFlip",
    "bootstrap_listeners",
    "bootstrap_mean",
    "bootstrap_r2",
    "compare_groups",
    "correlate",
    "fdr",
    "interval",
    "median_over_groups",
    "of_family_means",
    "over_listeners",
    "overall",
    "p_value",
    "paired_difference",
    "partial_correlation",
    "resamples",
    "sign_flip_test",
    "task_zscores",
    "why_not",
    "within_families",
    "without_each_family",
]
