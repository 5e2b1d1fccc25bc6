"""Where services answer in a region. Pure.

Each partition has its own domain. Endpoints for FIPS or for dual stack are not chosen here: set
AWS_ENDPOINT_URL_DYNAMODB and AWS_ENDPOINT_URL_SQS.
https://docs.aws.amazon.com/general/latest/gr/rande.html
"""

from __future__ import annotations

# By the beginning of the region's name; all others are in `amazonaws.com`.
_DOMAINS = {
    "cn-": "amazonaws.com.cn",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
}


def domain(region: str) -> str:
    """The domain of the region's partition."""
    found = (name for start, name in _DOMAINS.items() if region.startswith(start))
    return next(found, "amazonaws.com")


def endpoint(service: str, region: str) -> str:
    """The base URL of a service."""
    return f"https://{service}.{region}.{domain(region)}"
