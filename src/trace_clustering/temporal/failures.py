"""What a failure that came through Temporal says to a person."""

from __future__ import annotations

from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError, FailureError

from trace_clustering.errors import InvalidInputError

_MAX_REASON_CHARS = 200


def root_cause(error: BaseException) -> str:
    """The message of the innermost cause: what our own code raised, without the wrappings."""
    while isinstance(error, FailureError | WorkflowFailureError) and error.cause is not None:
        error = error.cause
    return error.message if isinstance(error, FailureError) else str(error)


def short_reason(error: BaseException) -> str:
    """The same, cut to what may stand in a list of reasons that travels through Temporal."""
    return root_cause(error)[:_MAX_REASON_CHARS]


def refusal(error: InvalidInputError) -> ApplicationError:
    """Bad input as a failure that ends a workflow at once and is never tried again."""
    return ApplicationError(str(error), type=type(error).__name__, non_retryable=True)
