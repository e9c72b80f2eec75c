"""The tables, by aggregate. Importing this package registers all of them on `metadata`.

Conventions: identifiers are 32 hex digits (core/clock.py); moments are milliseconds since the epoch, UTC, in `BigInteger`; a flag
is a boolean; JSON is text, written and read by the repositories. Text of any length is `LongText`.
"""

from storage.tables.accounts import (
    AuditEvent,
    KnownAddress,
    RecoveryCode,
    RefreshToken,
    SecondFactor,
    Session,
    SignInThrottle,
    SshKey,
    User,
)
from storage.tables.base import metadata, whole_unicode
from storage.tables.batches import Batch, BatchAnswer, BatchConfiguration, BatchJudgement, BatchQuestion
from storage.tables.comparisons import Comparison, ComparisonAnswer, ComparisonCandidate, ComparisonRound, ComparisonVerdict
from storage.tables.conversations import ChatChange, Conversation, ConversationShare, Draft, Message, MessagePart, ReadingPlace
from storage.tables.datasets import Dataset, DatasetVersion
from storage.tables.images import ComparisonImage, Image, MessageImage
from storage.tables.models import AllowedAddress, Configuration, ConfigurationVersion, Provider, ProviderModel
from storage.tables.questions import Question, QuestionSet, QuestionSetVersion
from storage.tables.runs import Lease, RunChange, SlotHold, TrainingAttempt, TrainingRun
from storage.tables.services import ModelNote, Service
from storage.tables.system import AppSetting, DataKey
from storage.tables.training_configurations import TrainingConfiguration, TrainingConfigurationVersion

whole_unicode(metadata)

__all__ = [
    "AllowedAddress",
    "AppSetting",
    "AuditEvent",
    "Batch",
    "BatchAnswer",
    "BatchConfiguration",
    "BatchJudgement",
    "BatchQuestion",
    "ChatChange",
    "Comparison",
    "ComparisonAnswer",
    "ComparisonCandidate",
    "ComparisonImage",
    "ComparisonRound",
    "ComparisonVerdict",
    "Configuration",
    "ConfigurationVersion",
    "Conversation",
    "ConversationShare",
    "DataKey",
    "Dataset",
    "DatasetVersion",
    "Draft",
    "Image",
    "KnownAddress",
    "Lease",
    "Message",
    "MessageImage",
    "MessagePart",
    "ModelNote",
    "Provider",
    "ProviderModel",
    "Question",
    "QuestionSet",
    "QuestionSetVersion",
    "ReadingPlace",
    "RecoveryCode",
    "RefreshToken",
    "RunChange",
    "SecondFactor",
    "Service",
    "Session",
    "SignInThrottle",
    "SlotHold",
    "SshKey",
    "TrainingAttempt",
    "TrainingConfiguration",
    "TrainingConfigurationVersion",
    "TrainingRun",
    "User",
    "metadata",
]
