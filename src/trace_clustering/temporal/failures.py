"""What a failure that came through Temporal says to a person."""

from __future__ import annotations

from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError, FailureError

from trace_clustering.errors import InvalidInputError


def root_cause(error: BaseException) -> str:
    """The message of the innermost cause: what our own code raised, without the wrappings."""
    while isinstance(error, FailureError | WorkflowFailureError) and error.cause is not None:
        error = error.cause
    return error.message if isinstance(error, FailureError) else str(error)


def refusal(error: InvalidInputError) -> ApplicationError:
    """Bad input as a failure that ends a workflow at once and is never tried again."""
    return ApplicationError(str(error), type=type(error).__name__, non_retryable=True)
