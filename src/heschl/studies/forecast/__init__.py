"""Forecasts: how long a study takes on a cluster, and why."""

from __future__ import annotations

from heschl.studies.forecast.paper import forecast
from heschl.studies.forecast.plans import forecast_plan
from heschl.studies.forecast.terms import Conditions, Forecast, Piece, Worker

__all__ = ["Conditions", "Forecast", "Piece", "Worker", "forecast", "forecast_plan"]
