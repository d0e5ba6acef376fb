"""The names by which an operator accepts what a site for strangers should not be."""

from collections.abc import Mapping
from types import MappingProxyType

RISKS: Mapping[str, str] = MappingProxyType(
    {
        "no-https": "passwords and tokens go in the clear (ASSAY_HTTPS=1).",
        "no-proxy": "no proxy is named that ends HTTPS, so every request seems to come without it, "
        "from one address (ASSAY_TRUSTED_PROXIES).",
        "usual-origin": "the log has the name that every new site has (ASSAY_ORIGIN).",
        "faucet": "every account may draw play money (ASSAY_FAUCET=0).",
        "no-dispute-window": "a sponsor may pay out before anybody could audit "
        "(ASSAY_DISPUTE_LEAST_S, such as 172800).",
        "debug": "faults show the code and its values to whoever asks (ASSAY_DEBUG=0).",
    }
)
