"""What an S3-compatible service complains about, in sentences that say what to do."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from botocore.exceptions import (
    BotoCoreError,
    ChecksumError,
    ClientError,
    ConnectionError,  # noqa: A004 - its name
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    SSLError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from digital_human_backup.errors import BackupError, RefusedError

_REGION = "The region does not fit the bucket {bucket}: name the right one with --region."
_REFUSALS = {
    "NoSuchBucket": "The bucket {bucket} does not exist at {endpoint}: create it, or name another.",
    "AccessDenied": "{endpoint} denies access to the bucket {bucket}: the credentials need"
    " s3:ListBucket on it, s3:GetObject, s3:PutObject and s3:DeleteObject in it, and with a key of"
    " AWS KMS kms:GenerateDataKey and kms:Decrypt.",
    "InvalidAccessKeyId": "{endpoint} does not know the access key: check the Secret.",
    "SignatureDoesNotMatch": "{endpoint} refuses the signature: check the secret key and the"
    " region.",
    "ExpiredToken": "The credentials for {endpoint} have expired: renew them.",
    "InvalidToken": "The session token for {endpoint} is not valid: renew it.",
    "RequestTimeTooSkewed": "The clock of this machine is wrong, says {endpoint}: set it by NTP.",
    "PermanentRedirect": "The bucket {bucket} is in another region: name it with --region.",
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "NotImplemented": "{endpoint} lacks something that backups need ({detail}): use a service with"
    " conditional writes (If-None-Match), or try --s3-checksums when_required.",
    "InvalidBucketName": "{bucket} is no name of a bucket: name another.",
}
_SAME = {
    "403": "AccessDenied",
    "XAdminUserNotFound": "InvalidAccessKeyId",
    "Forbidden": "AccessDenied",
    "AllAccessDisabled": "AccessDenied",
    "ExpiredTokenException": "ExpiredToken",
    "TokenRefreshRequired": "ExpiredToken",
    "301": "PermanentRedirect",
}
_NO_XML = {"200", "400", "404", "405", "411", "415", "501"}
"""Codes that botocore makes of the status of an answer that is not S3's."""
_NO_S3 = "{endpoint} does not answer as S3 does ({detail}): check --endpoint and the bucket."
_PASSING = (
    ChecksumError,
    ConnectionError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
    TokenRetrievalError,
)
"""Of botocore's own errors those of the network; the others are about settings."""
_EXPIRED = 10
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED."""


def code(error: ClientError) -> str:
    """The service's word for what happened."""
    return str(error.response.get("Error", {}).get("Code", ""))


def no_s3(endpoint: str, detail: str) -> RefusedError:
    """What answers is something else."""
    return RefusedError(_NO_S3.format(endpoint=endpoint, detail=detail))


def explain(error: Exception, bucket: str, endpoint: str) -> BackupError:
    """The error to raise for one of boto3's."""
    if isinstance(error, ClientError):
        return _answered(error, bucket, endpoint)
    if isinstance(error, ResponseParserError):
        return no_s3(endpoint, "no XML")
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        sentence = (
            f"There are no credentials for {endpoint}: name a folder with --s3-credentials, or set"
            " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    elif isinstance(error, SSLError):
        return _not_secure(error, endpoint)
    elif _is_loop(error):
        sentence = f"{endpoint} sends every request elsewhere: check --endpoint and --region."
    elif isinstance(error, ValueError):
        sentence = f"{endpoint} is no address of a service: {error}."
    elif isinstance(error, BotoCoreError) and not isinstance(error, _PASSING):
        sentence = (
            f"The client for {endpoint} cannot be set up ({error}): check the settings of AWS in"
            " the environment and in its files."
        )
    else:
        return BackupError(
            f"{endpoint} does not answer ({type(error).__name__}): check --endpoint and the"
            " network, then try again."
        )
    return RefusedError(sentence)


def _not_secure(error: SSLError, endpoint: str) -> BackupError:
    """What is wrong with the service's TLS."""
    causes = [error.kwargs.get("error"), *_causes(error)]
    unlike = next((one for one in causes if isinstance(one, ssl.SSLCertVerificationError)), None)
    text = str(error)
    if unlike is not None and unlike.verify_code == _EXPIRED:
        sentence = f"The certificate of {endpoint} is no more valid: have it renewed."
    elif "match" in text:
        why = unlike.verify_message if unlike is not None else str(causes[-1])
        sentence = (
            f"The certificate of {endpoint} is for another name ({why}): correct --endpoint, or"
            " the certificate."
        )
    elif unlike is not None:
        sentence = (
            f"The certificate of {endpoint} is not trusted: name the file of its authority with"
            " --s3-ca-file, or a Secret with it as caSecret of the destination."
        )
    elif "WRONG_VERSION_NUMBER" in text:
        sentence = f"{endpoint} speaks no TLS: write http: in --endpoint, or name another port."
    else:
        return BackupError(
            f"TLS with {endpoint} failed ({causes[-1]}): check --endpoint and the network, then try"
            " again."
        )
    return RefusedError(sentence)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what led to it."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def _is_loop(error: BaseException | None) -> bool:
    """Whether botocore followed redirects until it ran out of stack, wherever that was."""
    return error is not None and any(isinstance(one, RecursionError) for one in _causes(error))


def _answered(error: ClientError, bucket: str, endpoint: str) -> BackupError:
    word = code(error) or str(error.response["ResponseMetadata"]["HTTPStatusCode"])
    sentence = _REFUSALS.get(_SAME.get(word, word))
    if sentence is None and word in _NO_XML:
        return no_s3(endpoint, f"status {word}")
    if sentence is None:
        return BackupError(f"{endpoint} failed with {word} for the bucket {bucket}: try again.")
    detail = error.response.get("Error", {}).get("Message", "")
    return RefusedError(sentence.format(bucket=bucket, endpoint=endpoint, detail=detail))
