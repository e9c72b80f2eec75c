"""The tables of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.migrations.types import exact, key_text, long_bytes, long_text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "allowed_addresses",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("address", exact(255), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", key_text(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allowed_addresses")),
        sa.UniqueConstraint("address", name=op.f("uq_allowed_addresses_address")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "app_settings",
        sa.Column("name", key_text(64), nullable=False),
        sa.Column("value", long_text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", key_text(64), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_app_settings")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "audit_events",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor_id", key_text(64), nullable=False),
        sa.Column("actor_name", exact(100), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject_kind", sa.String(length=32), nullable=False),
        sa.Column("subject_id", key_text(64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("details", long_text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("audit_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_events_action"), ["action"], unique=False)
        batch_op.create_index("ix_audit_events_actor_id_at", ["actor_id", "at"], unique=False)
        batch_op.create_index(batch_op.f("ix_audit_events_at"), ["at"], unique=False)

    op.create_table(
        "chat_changes",
        sa.Column("user_id", key_text(64), nullable=False),
        sa.Column("counted", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_chat_changes")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "data_keys",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("wrapped", long_bytes(), nullable=False),
        sa.Column("master_key_id", key_text(64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_keys")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "leases",
        sa.Column("name", key_text(64), nullable=False),
        sa.Column("holder", key_text(64), nullable=False),
        sa.Column("process", long_text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "provider_models",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("provider_id", key_text(64), nullable=False),
        sa.Column("endpoint", long_text(), nullable=False),
        sa.Column("endpoint_hash", key_text(64), nullable=False),
        sa.Column("owner_id", key_text(64), nullable=False),
        sa.Column("name", exact(200), nullable=False),
        sa.Column("display_name", exact(200), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("parameters", sa.String(length=32), nullable=False),
        sa.Column("context_length", sa.BigInteger(), nullable=True),
        sa.Column("capabilities", long_text(), nullable=False),
        sa.Column("input_price", sa.String(length=32), nullable=False),
        sa.Column("output_price", sa.String(length=32), nullable=False),
        sa.Column("currency", sa.String(length=8), nullable=False),
        sa.Column("available", sa.Boolean(), nullable=False),
        sa.Column("refreshed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_models")),
        sa.UniqueConstraint(
            "provider_id", "endpoint_hash", "owner_id", "name", name=op.f("uq_provider_models_provider_id_endpoint_hash_owner_id_name")
        ),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("provider_models", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_provider_models_provider_id"), ["provider_id"], unique=False)

    op.create_table(
        "providers",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("endpoint", long_text(), nullable=False),
        sa.Column("shared_key", long_text(), nullable=True),
        sa.Column("shared_key_endpoint", long_text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", key_text(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_providers")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "run_changes",
        sa.Column("user_id", key_text(64), nullable=False),
        sa.Column("counted", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_run_changes")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "sign_in_throttle",
        sa.Column("key", exact(80), nullable=False),
        sa.Column("window_started_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("under_way", sa.Integer(), nullable=False),
        sa.Column("under_way_until", sa.BigInteger(), nullable=False),
        sa.Column("failed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_throttle")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("sign_in_throttle", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_throttle_updated_at"), ["updated_at"], unique=False)

    op.create_table(
        "slot_holds",
        sa.Column("slot", key_text(64), nullable=False),
        sa.Column("holder", key_text(64), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("slot", name=op.f("pk_slot_holds")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("slot_holds", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_slot_holds_holder"), ["holder"], unique=False)

    op.create_table(
        "users",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("email", exact(254), nullable=False),
        sa.Column("nickname", exact(200), nullable=False),
        sa.Column("nickname_key", exact(600), nullable=False),
        sa.Column("password_hash", exact(200), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("theme", sa.String(length=40), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("preferences", long_text(), nullable=False),
        sa.Column("default_configuration_id", key_text(64), nullable=True),
        sa.Column("last_sign_in_at", sa.BigInteger(), nullable=True),
        sa.Column("last_sign_in_from", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
        sa.UniqueConstraint("nickname_key", name=op.f("uq_users_nickname_key")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "batches",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("owner_id", key_text(64), nullable=False),
        sa.Column("name", exact(200), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("served", sa.Boolean(), nullable=False),
        sa.Column("set_id", key_text(64), nullable=False),
        sa.Column("set_name", exact(200), nullable=False),
        sa.Column("set_version", sa.Integer(), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("draft", long_text(), nullable=False),
        sa.Column("judge", long_text(), nullable=False),
        sa.Column("judge_total", sa.Integer(), nullable=False),
        sa.Column("waiting", long_text(), nullable=False),
        sa.Column("rate", sa.Double(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_batches_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("batches", schema=None) as batch_op:
        batch_op.create_index("ix_batches_owner", ["owner_id", "created_at"], unique=False)
        batch_op.create_index("ix_batches_state", ["state"], unique=False)

    op.create_table(
        "comparisons",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("owner_id", key_text(64), nullable=False),
        sa.Column("title", exact(200), nullable=False),
        sa.Column("title_source", sa.String(length=8), nullable=False),
        sa.Column("mode", sa.String(length=12), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("revealed_at", sa.BigInteger(), nullable=True),
        sa.Column("type", exact(80), nullable=False),
        sa.Column("judged", sa.String(length=8), nullable=False),
        sa.Column("winner", sa.String(length=1), nullable=False),
        sa.Column("asker", sa.String(length=160), nullable=False),
        sa.Column("asker_alive_at", sa.BigInteger(), nullable=True),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("round_count", sa.Integer(), nullable=False),
        sa.Column("search", exact(500), nullable=False),
        sa.Column("search_cut", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_comparisons_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comparisons")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("comparisons", schema=None) as batch_op:
        batch_op.create_index("ix_comparisons_list", ["owner_id", "listed", "used_at", "id", "search_cut", "search"], unique=False)

    op.create_table(
        "configurations",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("owner_id", key_text(64), nullable=False),
        sa.Column("name", exact(100), nullable=False),
        sa.Column("note", long_text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("key", long_text(), nullable=True),
        sa.Column("key_endpoint", long_text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_configurations_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_configurations")),
        sa.UniqueConstraint("owner_id", "name", name=op.f("uq_configurations_owner_id_name")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("configurations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_configurations_owner_id"), ["owner_id"], unique=False)

    op.create_table(
        "conversations",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("owner_id", key_text(64), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("title", exact(200), nullable=False),
        sa.Column("title_source", sa.String(length=8), nullable=False),
        sa.Column("configuration_id", key_text(64), nullable=True),
        sa.Column("model", exact(200), nullable=False),
        sa.Column("system_prompt", long_text(), nullable=False),
        sa.Column("leaf_id", key_text(64), nullable=True),
        sa.Column("message_count", sa.Integer(), nullable=False),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.Column("archived_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.Column("unread", sa.String(length=12), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_conversations_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("conversations", schema=None) as batch_op:
        batch_op.create_index("ix_conversations_changed", ["owner_id", "changed"], unique=False)
        batch_op.create_index("ix_conversations_list", ["owner_id", "kind", "deleted_at", "pinned", "used_at", "id"], unique=False)

    op.create_table(
        "datasets",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("owner_id", key_text(64), nullable=False),
        sa.Column("name", exact(100), nullable=False),
        sa.Column("note", long_text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("newest", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_datasets_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_datasets")),
        sa.UniqueConstraint("owner_id", "name", name=op.f("uq_datasets_owner_id_name")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("datasets", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_datasets_owner_id"), ["owner_id"], unique=False)

    op.create_table(
        "drafts",
        sa.Column("owner_id", key_text(64), nullable=False),
        sa.Column("conversation_id", key_text(64), nullable=False),
        sa.Column("content", long_text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_drafts_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("owner_id", "conversation_id", name=op.f("pk_drafts")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "images",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("owner_id", key_text(64), nullable=False),
        sa.Column("digest", key_text(64), nullable=False),
        sa.Column("media_type", sa.String(length=16), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", long_bytes(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_images_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
        sa.UniqueConstraint("owner_id", "digest", name=op.f("uq_images_owner_id_digest")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "known_addresses",
        sa.Column("user_id", key_text(64), nullable=False),
        sa.Column("address", exact(64), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_known_addresses_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "address", name=op.f("pk_known_addresses")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "model_notes",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("owner_id", key_text(64), nullable=False),
        sa.Column("model_id", key_text(64), nullable=False),
        sa.Column("note", long_text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_model_notes_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_notes")),
        sa.UniqueConstraint("owner_id", "model_id", name=op.f("uq_model_notes_owner_id_model_id")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "question_sets",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("owner_id", key_text(64), nullable=False),
        sa.Column("name", exact(100), nullable=False),
        sa.Column("note", long_text(), nullable=False),
        sa.Column("tags", long_text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("next_serial", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_question_sets_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_question_sets")),
        sa.UniqueConstraint("owner_id", "name", name=op.f("uq_question_sets_owner_id_name")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("question_sets", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_question_sets_owner_id"), ["owner_id"], unique=False)

    op.create_table(
        "reading_places",
        sa.Column("user_id", key_text(64), nullable=False),
        sa.Column("place", long_text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_reading_places_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_reading_places")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("user_id", key_text(64), nullable=False),
        sa.Column("code_hash", exact(64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_recovery_codes_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("recovery_codes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recovery_codes_user_id"), ["user_id"], unique=False)

    op.create_table(
        "second_factors",
        sa.Column("user_id", key_text(64), nullable=False),
        sa.Column("secret", long_text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("enabled_at", sa.BigInteger(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_second_factors_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_second_factors")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "services",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("owner_id", key_text(64), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("name", exact(200), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("wanted", sa.String(length=8), nullable=False),
        sa.Column("host", exact(255), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("asked_port", sa.Integer(), nullable=False),
        sa.Column("spec", long_text(), nullable=False),
        sa.Column("subject", long_text(), nullable=False),
        sa.Column("gpus", long_text(), nullable=False),
        sa.Column("folder", long_text(), nullable=False),
        sa.Column("key", long_text(), nullable=True),
        sa.Column("configuration_id", key_text(64), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("restarts", sa.Integer(), nullable=False),
        sa.Column("failure", long_text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("watcher", key_text(64), nullable=False),
        sa.Column("watched_until", sa.BigInteger(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ready_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_services_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("services", schema=None) as batch_op:
        batch_op.create_index("ix_services_owner", ["owner_id", "created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_services_state"), ["state"], unique=False)

    op.create_table(
        "sessions",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("user_id", key_text(64), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_because", sa.String(length=24), nullable=False),
        sa.Column("served", sa.Boolean(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sessions_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_sessions_user_id"), ["user_id"], unique=False)

    op.create_table(
        "ssh_keys",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("user_id", key_text(64), nullable=False),
        sa.Column("name", exact(100), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("public_key", long_text(), nullable=False),
        sa.Column("fingerprint", exact(64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_ssh_keys_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ssh_keys")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_ssh_keys_fingerprint")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("ssh_keys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ssh_keys_user_id"), ["user_id"], unique=False)

    op.create_table(
        "training_configurations",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("owner_id", key_text(64), nullable=False),
        sa.Column("name", exact(100), nullable=False),
        sa.Column("note", long_text(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_training_configurations_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_configurations")),
        sa.UniqueConstraint("owner_id", "name", name=op.f("uq_training_configurations_owner_id_name")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("training_configurations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_training_configurations_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_training_configurations_shared"), ["shared"], unique=False)

    op.create_table(
        "training_runs",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("owner_id", key_text(64), nullable=False),
        sa.Column("name", exact(200), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("wanted", sa.String(length=8), nullable=False),
        sa.Column("configuration_id", key_text(64), nullable=True),
        sa.Column("configuration_version", sa.Integer(), nullable=True),
        sa.Column("resolved", long_text(), nullable=False),
        sa.Column("changes", long_text(), nullable=False),
        sa.Column("resume", sa.Boolean(), nullable=False),
        sa.Column("retry_of", key_text(64), nullable=True),
        sa.Column("gpus_wanted", sa.Integer(), nullable=False),
        sa.Column("gpu_uuids", long_text(), nullable=False),
        sa.Column("processes", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("waiting", long_text(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=True),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("total_steps", sa.Integer(), nullable=True),
        sa.Column("can_resume", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("queued_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_training_runs_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_runs")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("training_runs", schema=None) as batch_op:
        batch_op.create_index("ix_training_runs_changed", ["owner_id", "changed"], unique=False)
        batch_op.create_index("ix_training_runs_owner", ["owner_id", "created_at"], unique=False)
        batch_op.create_index("ix_training_runs_queue", ["state", "priority", "position"], unique=False)

    op.create_table(
        "batch_configurations",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("batch_id", key_text(64), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("source_id", key_text(64), nullable=False),
        sa.Column("name", exact(200), nullable=False),
        sa.Column("model", exact(300), nullable=False),
        sa.Column("provider_id", key_text(64), nullable=False),
        sa.Column("snapshot", long_text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("asking", sa.Integer(), nullable=False),
        sa.Column("cached", sa.Integer(), nullable=False),
        sa.Column("scored", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=8), nullable=False),
        sa.Column("gave_up", long_text(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_batch_configurations_batch_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_configurations")),
        sa.UniqueConstraint("batch_id", "ordinal", name=op.f("uq_batch_configurations_batch_id_ordinal")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "batch_questions",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("batch_id", key_text(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("source_id", key_text(64), nullable=False),
        sa.Column("content", long_text(), nullable=False),
        sa.Column("expected", long_text(), nullable=True),
        sa.Column("type", exact(100), nullable=False),
        sa.Column("scorer", sa.String(length=40), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("variables", long_text(), nullable=False),
        sa.Column("system", long_text(), nullable=True),
        sa.Column("options", long_text(), nullable=False),
        sa.Column("source_line", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_batch_questions_batch_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_questions")),
        sa.UniqueConstraint("batch_id", "number", name=op.f("uq_batch_questions_batch_id_number")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "comparison_candidates",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("comparison_id", key_text(64), nullable=False),
        sa.Column("owner_id", key_text(64), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("configuration_id", key_text(64), nullable=True),
        sa.Column("configuration_name", exact(200), nullable=False),
        sa.Column("model", exact(200), nullable=False),
        sa.Column("provider_id", key_text(64), nullable=False),
        sa.Column("conversation_id", key_text(64), nullable=False),
        sa.Column("overrides", long_text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["comparison_id"], ["comparisons.id"], name=op.f("fk_comparison_candidates_comparison_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_comparison_candidates_conversation_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_comparison_candidates_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comparison_candidates")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("comparison_candidates", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_comparison_candidates_comparison_id"), ["comparison_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_comparison_candidates_conversation_id"), ["conversation_id"], unique=False)
        batch_op.create_index("ix_comparison_candidates_owner_id_model", ["owner_id", "model", "comparison_id"], unique=False)

    op.create_table(
        "comparison_rounds",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("comparison_id", key_text(64), nullable=False),
        sa.Column("owner_id", key_text(64), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("question", long_text(), nullable=False),
        sa.Column("compared", long_text(), nullable=False),
        sa.Column("compared_length", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["comparison_id"], ["comparisons.id"], name=op.f("fk_comparison_rounds_comparison_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_comparison_rounds_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comparison_rounds")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("comparison_rounds", schema=None) as batch_op:
        batch_op.create_index("ix_comparison_rounds_comparison_id_ordinal", ["comparison_id", "ordinal"], unique=False)
        batch_op.create_index("ix_comparison_rounds_owner_id_compared_length", ["owner_id", "compared_length"], unique=False)

    op.create_table(
        "configuration_versions",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("configuration_id", key_text(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("provider_id", key_text(64), nullable=False),
        sa.Column("endpoint", long_text(), nullable=False),
        sa.Column("model", exact(200), nullable=False),
        sa.Column("parameters", long_text(), nullable=False),
        sa.Column("system_prompt", long_text(), nullable=False),
        sa.Column("timeout_s", sa.Float(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", key_text(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["configuration_id"], ["configurations.id"], name=op.f("fk_configuration_versions_configuration_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_configuration_versions")),
        sa.UniqueConstraint("configuration_id", "version", name=op.f("uq_configuration_versions_configuration_id_version")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("configuration_versions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_configuration_versions_configuration_id"), ["configuration_id"], unique=False)

    op.create_table(
        "conversation_shares",
        sa.Column("conversation_id", key_text(64), nullable=False),
        sa.Column("reader_id", key_text(64), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_conversation_shares_conversation_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("conversation_id", "reader_id", name=op.f("pk_conversation_shares")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("conversation_shares", schema=None) as batch_op:
        batch_op.create_index("ix_conversation_shares_reader_id_changed", ["reader_id", "changed"], unique=False)

    op.create_table(
        "dataset_versions",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("dataset_id", key_text(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("path", long_text(), nullable=False),
        sa.Column("file_kind", sa.String(length=12), nullable=False),
        sa.Column("format", sa.String(length=12), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("linked", sa.Boolean(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.String(length=12), nullable=False),
        sa.Column("row_count", sa.BigInteger(), nullable=False),
        sa.Column("summary", long_text(), nullable=False),
        sa.Column("changes", long_text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", key_text(64), nullable=False),
        sa.Column("checked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_dataset_versions_dataset_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_versions")),
        sa.UniqueConstraint("dataset_id", "version", name=op.f("uq_dataset_versions_dataset_id_version")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("dataset_versions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dataset_versions_dataset_id"), ["dataset_id"], unique=False)

    op.create_table(
        "messages",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("conversation_id", key_text(64), nullable=False),
        sa.Column("parent_id", key_text(64), nullable=True),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=12), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("configuration_id", key_text(64), nullable=True),
        sa.Column("model", exact(200), nullable=False),
        sa.Column("provider_id", key_text(64), nullable=False),
        sa.Column("finish", sa.String(length=16), nullable=False),
        sa.Column("error_code", sa.String(length=40), nullable=False),
        sa.Column("error_fields", long_text(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=True),
        sa.Column("output_tokens", sa.Integer(), nullable=True),
        sa.Column("reasoning_tokens", sa.Integer(), nullable=True),
        sa.Column("usage_exact", sa.Boolean(), nullable=False),
        sa.Column("ttft_ms", sa.Integer(), nullable=True),
        sa.Column("ttfa_ms", sa.Integer(), nullable=True),
        sa.Column("total_ms", sa.Integer(), nullable=True),
        sa.Column("reasoning_ms", sa.Integer(), nullable=True),
        sa.Column("cost", sa.String(length=32), nullable=False),
        sa.Column("currency", sa.String(length=8), nullable=False),
        sa.Column("generator", sa.String(length=160), nullable=False),
        sa.Column("alive_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_messages_conversation_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.create_index("ix_messages_conversation_id_depth", ["conversation_id", "depth"], unique=False)
        batch_op.create_index(batch_op.f("ix_messages_parent_id"), ["parent_id"], unique=False)
        batch_op.create_index("ix_messages_state", ["state", "conversation_id"], unique=False)

    op.create_table(
        "question_set_versions",
        sa.Column("set_id", key_text(64), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("serials", long_text(), nullable=False),
        sa.Column("question_count", sa.Integer(), nullable=False),
        sa.Column("types", long_text(), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("source", long_text(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["set_id"], ["question_sets.id"], name=op.f("fk_question_set_versions_set_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("set_id", "version", name=op.f("pk_question_set_versions")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "questions",
        sa.Column("set_id", key_text(64), nullable=False),
        sa.Column("serial", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("root", sa.Integer(), nullable=False),
        sa.Column("digest", key_text(64), nullable=False),
        sa.Column("text", long_text(), nullable=False),
        sa.Column("expected", long_text(), nullable=True),
        sa.Column("type", exact(60), nullable=False),
        sa.Column("scorer", sa.String(length=40), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("variables", long_text(), nullable=False),
        sa.Column("system", long_text(), nullable=True),
        sa.Column("options", long_text(), nullable=False),
        sa.Column("source_line", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["set_id"], ["question_sets.id"], name=op.f("fk_questions_set_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("set_id", "serial", name=op.f("pk_questions")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("session_id", key_text(64), nullable=False),
        sa.Column("token_hash", exact(64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_refresh_tokens_session_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_refresh_tokens_token_hash")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("refresh_tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_refresh_tokens_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_refresh_tokens_session_id"), ["session_id"], unique=False)

    op.create_table(
        "training_attempts",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("run_id", key_text(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("resumed", sa.Boolean(), nullable=False),
        sa.Column("changes", long_text(), nullable=False),
        sa.Column("resolved", long_text(), nullable=False),
        sa.Column("folder", long_text(), nullable=False),
        sa.Column("output_dir", long_text(), nullable=False),
        sa.Column("slots", long_text(), nullable=False),
        sa.Column("from_step", sa.Integer(), nullable=True),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.Column("total_steps", sa.Integer(), nullable=True),
        sa.Column("exit_status", sa.Integer(), nullable=True),
        sa.Column("failure", long_text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["training_runs.id"], name=op.f("fk_training_attempts_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_attempts")),
        sa.UniqueConstraint("run_id", "number", name=op.f("uq_training_attempts_run_id_number")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "training_configuration_versions",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("configuration_id", key_text(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("draft", long_text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", key_text(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["configuration_id"],
            ["training_configurations.id"],
            name=op.f("fk_training_configuration_versions_configuration_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_configuration_versions")),
        sa.UniqueConstraint("configuration_id", "version", name=op.f("uq_training_configuration_versions_configuration_id_version")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("training_configuration_versions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_training_configuration_versions_configuration_id"), ["configuration_id"], unique=False)

    op.create_table(
        "batch_answers",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("batch_id", key_text(64), nullable=False),
        sa.Column("configuration_id", key_text(64), nullable=False),
        sa.Column("question_id", key_text(64), nullable=False),
        sa.Column("repetition", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("request_key", key_text(64), nullable=False),
        sa.Column("content", long_text(), nullable=False),
        sa.Column("reasoning", long_text(), nullable=False),
        sa.Column("finish", sa.String(length=20), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=True),
        sa.Column("output_tokens", sa.Integer(), nullable=True),
        sa.Column("reasoning_tokens", sa.Integer(), nullable=True),
        sa.Column("usage_exact", sa.Boolean(), nullable=False),
        sa.Column("ttft_ms", sa.Integer(), nullable=True),
        sa.Column("ttfa_ms", sa.Integer(), nullable=True),
        sa.Column("total_ms", sa.Integer(), nullable=True),
        sa.Column("cost", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=8), nullable=False),
        sa.Column("error", long_text(), nullable=False),
        sa.Column("from_cache", sa.Boolean(), nullable=False),
        sa.Column("scorer", sa.String(length=40), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("score_details", long_text(), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=True),
        sa.Column("asked_at", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_batch_answers_batch_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["configuration_id"], ["batch_configurations.id"], name=op.f("fk_batch_answers_configuration_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["question_id"], ["batch_questions.id"], name=op.f("fk_batch_answers_question_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_answers")),
        sa.UniqueConstraint("batch_id", "ordinal", name=op.f("uq_batch_answers_batch_id_ordinal")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("batch_answers", schema=None) as batch_op:
        batch_op.create_index("ix_batch_answers_changed", ["batch_id", "changed"], unique=False)
        batch_op.create_index("ix_batch_answers_configuration", ["configuration_id", "state"], unique=False)
        batch_op.create_index("ix_batch_answers_question", ["question_id"], unique=False)
        batch_op.create_index("ix_batch_answers_request", ["request_key"], unique=False)
        batch_op.create_index("ix_batch_answers_state", ["batch_id", "state", "ordinal"], unique=False)

    op.create_table(
        "comparison_answers",
        sa.Column("round_id", key_text(64), nullable=False),
        sa.Column("candidate_id", key_text(64), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("question_id", key_text(64), nullable=True),
        sa.ForeignKeyConstraint(
            ["candidate_id"], ["comparison_candidates.id"], name=op.f("fk_comparison_answers_candidate_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["round_id"], ["comparison_rounds.id"], name=op.f("fk_comparison_answers_round_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("round_id", "candidate_id", name=op.f("pk_comparison_answers")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "comparison_images",
        sa.Column("round_id", key_text(64), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("image_id", key_text(64), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_comparison_images_image_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["round_id"], ["comparison_rounds.id"], name=op.f("fk_comparison_images_round_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("round_id", "ordinal", name=op.f("pk_comparison_images")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("comparison_images", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_comparison_images_image_id"), ["image_id"], unique=False)

    op.create_table(
        "comparison_verdicts",
        sa.Column("round_id", key_text(64), nullable=False),
        sa.Column("owner_id", key_text(64), nullable=False),
        sa.Column("winner", key_text(64), nullable=False),
        sa.Column("stars", long_text(), nullable=False),
        sa.Column("note", long_text(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_comparison_verdicts_owner_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["round_id"], ["comparison_rounds.id"], name=op.f("fk_comparison_verdicts_round_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("round_id", name=op.f("pk_comparison_verdicts")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("comparison_verdicts", schema=None) as batch_op:
        batch_op.create_index("ix_comparison_verdicts_owner_id_given_at", ["owner_id", "given_at"], unique=False)

    op.create_table(
        "message_images",
        sa.Column("message_id", key_text(64), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("image_id", key_text(64), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_message_images_image_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_message_images_message_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("message_id", "ordinal", name=op.f("pk_message_images")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("message_images", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_message_images_image_id"), ["image_id"], unique=False)

    op.create_table(
        "message_parts",
        sa.Column("message_id", key_text(64), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("content", long_text(), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_message_parts_message_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("message_id", "ordinal", name=op.f("pk_message_parts")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "batch_judgements",
        sa.Column("id", key_text(64), nullable=False),
        sa.Column("batch_id", key_text(64), nullable=False),
        sa.Column("left_id", key_text(64), nullable=False),
        sa.Column("right_id", key_text(64), nullable=True),
        sa.Column("turned", sa.Boolean(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column("reason", long_text(), nullable=False),
        sa.Column("error", long_text(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=True),
        sa.Column("output_tokens", sa.Integer(), nullable=True),
        sa.Column("cost", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=8), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_batch_judgements_batch_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["left_id"], ["batch_answers.id"], name=op.f("fk_batch_judgements_left_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["right_id"], ["batch_answers.id"], name=op.f("fk_batch_judgements_right_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_judgements")),
        sa.UniqueConstraint("batch_id", "left_id", "right_id", "turned", name=op.f("uq_batch_judgements_batch_id_left_id_right_id_turned")),
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("batch_judgements", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_batch_judgements_left_id"), ["left_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_batch_judgements_right_id"), ["right_id"], unique=False)
        batch_op.create_index("ix_batch_judgements_state", ["batch_id", "state", "ordinal"], unique=False)


def downgrade() -> None:
    op.drop_table("batch_judgements")
    op.drop_table("message_parts")
    op.drop_table("message_images")
    op.drop_table("comparison_verdicts")
    op.drop_table("comparison_images")
    op.drop_table("comparison_answers")
    op.drop_table("batch_answers")
    op.drop_table("training_configuration_versions")
    op.drop_table("training_attempts")
    op.drop_table("refresh_tokens")
    op.drop_table("questions")
    op.drop_table("question_set_versions")
    op.drop_table("messages")
    op.drop_table("dataset_versions")
    op.drop_table("conversation_shares")
    op.drop_table("configuration_versions")
    op.drop_table("comparison_rounds")
    op.drop_table("comparison_candidates")
    op.drop_table("batch_questions")
    op.drop_table("batch_configurations")
    op.drop_table("training_runs")
    op.drop_table("training_configurations")
    op.drop_table("ssh_keys")
    op.drop_table("sessions")
    op.drop_table("services")
    op.drop_table("second_factors")
    op.drop_table("recovery_codes")
    op.drop_table("reading_places")
    op.drop_table("question_sets")
    op.drop_table("model_notes")
    op.drop_table("known_addresses")
    op.drop_table("images")
    op.drop_table("drafts")
    op.drop_table("datasets")
    op.drop_table("conversations")
    op.drop_table("configurations")
    op.drop_table("comparisons")
    op.drop_table("batches")
    op.drop_table("users")
    op.drop_table("slot_holds")
    op.drop_table("sign_in_throttle")
    op.drop_table("run_changes")
    op.drop_table("providers")
    op.drop_table("provider_models")
    op.drop_table("leases")
    op.drop_table("data_keys")
    op.drop_table("chat_changes")
    op.drop_table("audit_events")
    op.drop_table("app_settings")
    op.drop_table("allowed_addresses")
