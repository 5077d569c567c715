"""Logistic regression with an L2 penalty, and a choice of the penalty."""

from __future__ import annotations

import numpy as np

# The penalties tried, weakest first: a quarter decade apart.
PENALTIES = tuple(float(f"{10 ** (step / 4):.4g}") for step in range(-8, 9))
FOLDS = 5


def fit(features: np.ndarray, labels: np.ndarray, penalty: float) -> np.ndarray:
    """The weights that minimise log loss summed over the rows plus
    penalty / 2 * |weights|^2, without penalty on the bias.

    features: float64 [rows, width]; labels: [rows] of 0 and 1.
    Returns float64 [width + 1], the bias last. Newton's method; the problem is
    convex, so the start does not matter. Raises RuntimeError if 100 steps do
    not settle it.
    """
    rows = np.hstack([features, np.ones((len(features), 1))])
    ridge = np.full(rows.shape[1], penalty)
    ridge[-1] = 0.0
    weights = np.zeros(rows.shape[1])
    for _ in range(100):
        chance = 1.0 / (1.0 + np.exp(-(rows @ weights)))
        gradient = rows.T @ (chance - labels) + ridge * weights
        curvature = chance * (1.0 - chance)
        hessian = (rows.T * curvature) @ rows + np.diag(ridge)
        step = np.linalg.solve(hessian, gradient)
        # Far steps are shortened: a full one can overshoot where curvature
        # is nearly gone.
        step *= min(1.0, 20.0 / np.linalg.norm(step))
        weights -= step
        if np.abs(step).max() < 1e-10:
            return weights
    raise RuntimeError(f"the regression with the penalty {penalty} did not settle")


def scores(weights: np.ndarray, features: np.ndarray) -> np.ndarray:
    """The log odds of label 1, [rows], for features [rows, width]."""
    return features @ weights[:-1] + weights[-1]


def cross_validate(
    features: np.ndarray, labels: np.ndarray, folds: np.ndarray
) -> tuple[float, float]:
    """Chooses the penalty by log loss over the folds.

    folds: [rows] of 0 to FOLDS - 1, which fold a row is left out in.
    Returns the penalty and its accuracy over the rows left out.

    Log loss and not accuracy decides: accuracy moves in steps of one sentence,
    and neighbouring penalties differ by less than that.
    """
    best = (np.inf, 0.0, 0.0)
    for penalty in PENALTIES:
        margin = np.empty(len(labels))
        for fold in range(FOLDS):
            left_out = folds == fold
            weights = fit(features[~left_out], labels[~left_out], penalty)
            margin[left_out] = scores(weights, features[left_out])
        loss = float(np.logaddexp(0.0, np.where(labels == 1, -margin, margin)).mean())
        accuracy = float(((margin > 0) == labels).mean())
        best = min(best, (loss, penalty, accuracy))
    return best[1], best[2]
