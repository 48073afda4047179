"""What may be asked of a pod's log: how many lines, since when, how many bytes.

Source: Kubernetes, pkg/apis/core/validation, ValidatePodLogOptions.
"""

from __future__ import annotations

from collections.abc import Mapping

from volary.embedded.api.errors import FieldError, bad_request, forbidden_field, invalid, invalid_object
from volary.embedded.api.validation.conform import WrongType, check_time

NUMBERS = ("tailLines", "sinceSeconds", "limitBytes")


def check_log_options(pod: str, query: Mapping[str, str]) -> None:
    """Refuse what no log can give. Raises: Problem."""
    numbers: dict[str, int] = {}
    for name in NUMBERS:
        if query.get(name):
            numbers[name] = _number(query[name])
    if query.get("sinceTime"):
        try:
            check_time(query["sinceTime"])
        except WrongType as error:
            raise bad_request(str(error)) from error
    if errors := _errors(numbers, query):
        raise invalid_object("", "PodLogOptions", pod, errors)


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _errors(numbers: Mapping[str, int], query: Mapping[str, str]) -> list[FieldError]:
    errors: list[FieldError] = []
    if numbers.get("tailLines", 0) < 0:
        errors.append(invalid("tailLines", numbers["tailLines"], "must be greater than or equal to 0"))
    if numbers.get("limitBytes", 1) < 1:
        errors.append(invalid("limitBytes", numbers["limitBytes"], "must be greater than 0"))
    if "sinceSeconds" in numbers and query.get("sinceTime"):
        errors.append(forbidden_field("[]", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    elif numbers.get("sinceSeconds", 1) < 1:
        errors.append(invalid("sinceSeconds", numbers["sinceSeconds"], "must be greater than 0"))
    if query.get("stream"):
        errors.append(forbidden_field("stream", "may not be specified"))
    return errors
