"""The tables of a log directory as swanboard 0.1.10b2 makes them: for a directory that an archive is restored into."""

from __future__ import annotations

from typing import Final

LAYOUT: Final = (
    'CREATE TABLE "project" ('
    '"id" INTEGER NOT NULL PRIMARY KEY, "name" VARCHAR(100) NOT NULL, "description" VARCHAR(255), "sum" INTEGER, '
    '"charts" INTEGER NOT NULL, "pinned_opened" INTEGER NOT NULL, "hidden_opened" INTEGER NOT NULL, "more" VARCHAR(255), '
    '"version" VARCHAR(30) NOT NULL, "create_time" VARCHAR(30) NOT NULL, "update_time" VARCHAR(30) NOT NULL)',
    'CREATE TABLE "experiment" ('
    '"id" INTEGER NOT NULL PRIMARY KEY, "project_id" INTEGER NOT NULL, "run_id" TEXT NOT NULL, "name" VARCHAR(100) NOT NULL, '
    '"description" VARCHAR(255), "sort" INTEGER NOT NULL, "status" INTEGER NOT NULL, "show" INTEGER NOT NULL, '
    '"light" VARCHAR(20), "dark" VARCHAR(20), "pinned_opened" INTEGER NOT NULL, "hidden_opened" INTEGER NOT NULL, '
    '"more" TEXT, "version" VARCHAR(30) NOT NULL, "create_time" VARCHAR(30) NOT NULL, "finish_time" VARCHAR(30), '
    '"update_time" VARCHAR(30) NOT NULL, '
    'FOREIGN KEY ("project_id") REFERENCES "project" ("id") ON DELETE CASCADE ON UPDATE CASCADE, CHECK (sort >= 0))',
    'CREATE TABLE "chart" ('
    '"id" INTEGER NOT NULL PRIMARY KEY, "experiment_id" INTEGER, "project_id" INTEGER, "name" VARCHAR(100) NOT NULL, '
    '"description" VARCHAR(255), "system" INTEGER NOT NULL, "type" VARCHAR(10) NOT NULL, "reference" VARCHAR(10) NOT NULL, '
    '"status" INTEGER NOT NULL, "sort" INTEGER, "config" TEXT, "more" TEXT, "create_time" VARCHAR(30) NOT NULL, '
    '"update_time" VARCHAR(30) NOT NULL, '
    'FOREIGN KEY ("experiment_id") REFERENCES "experiment" ("id") ON DELETE CASCADE ON UPDATE CASCADE, '
    'FOREIGN KEY ("project_id") REFERENCES "project" ("id") ON DELETE CASCADE ON UPDATE CASCADE, '
    "CHECK ((project_id IS NULL AND experiment_id IS NOT NULL) OR (project_id IS NOT NULL AND experiment_id IS NULL)))",
    'CREATE TABLE "namespace" ('
    '"id" INTEGER NOT NULL PRIMARY KEY, "experiment_id" INTEGER, "project_id" INTEGER, "name" VARCHAR(100) NOT NULL, '
    '"description" VARCHAR(255), "sort" INTEGER NOT NULL, "opened" INTEGER NOT NULL, "more" TEXT, '
    '"create_time" VARCHAR(30) NOT NULL, "update_time" VARCHAR(30) NOT NULL, '
    'FOREIGN KEY ("experiment_id") REFERENCES "experiment" ("id") ON DELETE CASCADE ON UPDATE CASCADE, '
    'FOREIGN KEY ("project_id") REFERENCES "project" ("id") ON DELETE CASCADE ON UPDATE CASCADE, '
    "CHECK ((project_id IS NULL AND experiment_id IS NOT NULL) OR (project_id IS NOT NULL AND experiment_id IS NULL)), "
    "CHECK (sort >= 0))",
    'CREATE TABLE "tag" ('
    '"id" INTEGER NOT NULL PRIMARY KEY, "experiment_id" INTEGER NOT NULL, "name" VARCHAR(255) NOT NULL, '
    '"folder" VARCHAR(255), "type" VARCHAR(10) NOT NULL, "description" VARCHAR(100), "system" INTEGER NOT NULL, '
    '"sort" INTEGER NOT NULL, "more" TEXT, "create_time" VARCHAR(30) NOT NULL, "update_time" VARCHAR(30) NOT NULL, '
    'FOREIGN KEY ("experiment_id") REFERENCES "experiment" ("id") ON DELETE CASCADE ON UPDATE CASCADE)',
    'CREATE TABLE "display" ('
    '"id" INTEGER NOT NULL PRIMARY KEY, "chart_id" INTEGER NOT NULL, "namespace_id" INTEGER NOT NULL, '
    '"sort" INTEGER NOT NULL, "more" TEXT, "create_time" VARCHAR(30) NOT NULL, "update_time" VARCHAR(30) NOT NULL, '
    'FOREIGN KEY ("chart_id") REFERENCES "chart" ("id") ON DELETE CASCADE ON UPDATE CASCADE, '
    'FOREIGN KEY ("namespace_id") REFERENCES "namespace" ("id") ON DELETE CASCADE ON UPDATE CASCADE, CHECK (sort >= 0))',
    'CREATE TABLE "source" ('
    '"id" INTEGER NOT NULL PRIMARY KEY, "tag_id" INTEGER NOT NULL, "chart_id" INTEGER NOT NULL, "sort" INTEGER NOT NULL, '
    '"error" TEXT, "more" TEXT, "create_time" VARCHAR(30) NOT NULL, "update_time" VARCHAR(30) NOT NULL, '
    'FOREIGN KEY ("tag_id") REFERENCES "tag" ("id") ON DELETE CASCADE ON UPDATE CASCADE, '
    'FOREIGN KEY ("chart_id") REFERENCES "chart" ("id") ON DELETE CASCADE ON UPDATE CASCADE)',
    'CREATE UNIQUE INDEX "project_name" ON "project" ("name")',
    'CREATE INDEX "experiment_project_id" ON "experiment" ("project_id")',
    'CREATE UNIQUE INDEX "experiment_run_id" ON "experiment" ("run_id")',
    'CREATE UNIQUE INDEX "experiment_name_project_id" ON "experiment" ("name", "project_id")',
    'CREATE UNIQUE INDEX "experiment_sort_project_id" ON "experiment" ("sort", "project_id")',
    'CREATE INDEX "chart_experiment_id" ON "chart" ("experiment_id")',
    'CREATE INDEX "chart_project_id" ON "chart" ("project_id")',
    'CREATE UNIQUE INDEX "chart_name_experiment_id" ON "chart" ("name", "experiment_id")',
    'CREATE UNIQUE INDEX "chart_name_project_id" ON "chart" ("name", "project_id")',
    'CREATE INDEX "namespace_experiment_id" ON "namespace" ("experiment_id")',
    'CREATE INDEX "namespace_project_id" ON "namespace" ("project_id")',
    'CREATE UNIQUE INDEX "namespace_name_experiment_id" ON "namespace" ("name", "experiment_id")',
    'CREATE UNIQUE INDEX "namespace_name_project_id" ON "namespace" ("name", "project_id")',
    'CREATE INDEX "display_chart_id" ON "display" ("chart_id")',
    'CREATE INDEX "display_namespace_id" ON "display" ("namespace_id")',
    'CREATE UNIQUE INDEX "display_chart_id_namespace_id" ON "display" ("chart_id", "namespace_id")',
    'CREATE INDEX "tag_experiment_id" ON "tag" ("experiment_id")',
    'CREATE UNIQUE INDEX "tag_name_experiment_id" ON "tag" ("name", "experiment_id")',
    'CREATE INDEX "source_tag_id" ON "source" ("tag_id")',
    'CREATE INDEX "source_chart_id" ON "source" ("chart_id")',
    'CREATE UNIQUE INDEX "source_tag_id_chart_id" ON "source" ("tag_id", "chart_id")',
)
