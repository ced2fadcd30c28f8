"""What an S3-compatible service complains about, in sentences that say what to do."""

from __future__ import annotations

from botocore.exceptions import (
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    SSLError,
)

from digital_human_backup.errors import BackupError, RefusedError

_REGION = "The region does not fit the bucket {bucket}: name the right one with --region."
_REFUSALS = {
    "NoSuchBucket": "The bucket {bucket} does not exist at {endpoint}: create it, or name another.",
    "AccessDenied": "{endpoint} denies access to the bucket {bucket}: the credentials need"
    " s3:ListBucket on it, and s3:GetObject, s3:PutObject and s3:DeleteObject in it.",
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


def code(error: ClientError) -> str:
    """The service's word for what happened."""
    return str(error.response.get("Error", {}).get("Code", ""))


def explain(error: Exception, bucket: str, endpoint: str) -> BackupError:
    """The error to raise for one of boto3's."""
    if isinstance(error, ClientError):
        return _answered(error, bucket, endpoint)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        sentence = (
            f"There are no credentials for {endpoint}: name a folder with --s3-credentials, or set"
            " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    elif isinstance(error, SSLError):
        sentence = (
            f"The certificate of {endpoint} is not trusted: name the file of its authority with"
            " --s3-ca-file."
        )
    elif _is_loop(error):
        sentence = f"{endpoint} sends every request elsewhere: check --endpoint and --region."
    elif isinstance(error, ValueError):
        sentence = f"{endpoint} is no address of a service: {error}."
    else:
        return BackupError(
            f"{endpoint} does not answer ({type(error).__name__}): check --endpoint and the"
            " network, then try again."
        )
    return RefusedError(sentence)


def _is_loop(error: BaseException | None) -> bool:
    """Whether botocore followed redirects until it ran out of stack, wherever that was."""
    while error is not None and not isinstance(error, RecursionError):
        error = error.__cause__ or error.__context__
    return error is not None


def _answered(error: ClientError, bucket: str, endpoint: str) -> BackupError:
    word = code(error)
    sentence = _REFUSALS.get(_SAME.get(word, word))
    if sentence is None:
        return BackupError(f"{endpoint} failed with {word} for the bucket {bucket}: try again.")
    detail = error.response.get("Error", {}).get("Message", "")
    return RefusedError(sentence.format(bucket=bucket, endpoint=endpoint, detail=detail))
