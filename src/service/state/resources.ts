import { randomBytes } from "node:crypto";
import type { Cluster } from "../../models/cluster.ts";
import type { Experiment } from "../../models/experiment.ts";
import type { FileServer } from "../../models/fileServer.ts";
import type { Job } from "../../models/job.ts";
import type { Workspace } from "../../models/workspace.ts";
import { cluster } from "../../wire/tables/cluster.ts";
import { experiment } from "../../wire/tables/experiment.ts";
import { fileServer } from "../../wire/tables/fileServer.ts";
import { job } from "../../wire/tables/job.ts";
import { workspace } from "../../wire/tables/workspace.ts";
import { deserialize } from "../../wire/deserialize.ts";
import { serialize } from "../../wire/serialize.ts";
import type { ModelSchema } from "../../wire/schema.ts";
import { keyOf, type ResourceKind } from "../../wire/resourceIds.ts";
import type { SqliteFile, SqlRow, SqlValue } from "../../ground/sqlite.ts";
import { text } from "./columns.ts";
import { ParsedModels } from "./parsedModels.ts";
import { resourceGroup, type ResourceGroup } from "./resourceGroup.ts";

/** The model of each kind of resource. */
export interface ResourceModels {
  resourceGroups: ResourceGroup;
  workspaces: Workspace;
  clusters: Cluster;
  fileServers: FileServer;
  experiments: Experiment;
  jobs: Job;
}

/** Table of each kind: the database stores resources in the form that they have on the wire. */
export const resourceSchemas: { readonly [K in ResourceKind]: ModelSchema<ResourceModels[K]> } = {
  resourceGroups: resourceGroup,
  workspaces: workspace,
  clusters: cluster,
  fileServers: fileServer,
  experiments: experiment,
  jobs: job,
};

/** A resource as it is stored. */
export interface StoredResource<K extends ResourceKind = ResourceKind> {
  readonly kind: K;
  /** ARM id in lower case. */
  readonly key: string;
  /** Key of the resource that holds it. */
  readonly parent: string | undefined;
  /** Grows with every resource that is created: the order of lists and queues. */
  readonly sequence: number;
  /** Changes when a client writes the resource, not when its state moves on. */
  readonly etag: string;
  /** When a client last wrote it. */
  readonly modified: Date;
  /** Keyed digest of what the client sent when it created the resource. */
  readonly requestDigest: string;
  /** The resource without its secrets. */
  readonly model: ResourceModels[K];
}

/** The resources of the service, by ARM id. */
export class Resources {
  readonly #database: SqliteFile;
  readonly #models = new ParsedModels();

  constructor(database: SqliteFile) {
    this.#database = database;
  }

  find<K extends ResourceKind>(kind: K, id: string): StoredResource<K> | undefined {
    const row = this.#database.get("SELECT * FROM resources WHERE key = ? AND kind = ?", keyOf(id), kind);
    return row && this.#stored(kind, row);
  }

  /** All resources of a kind in order of creation, optionally those of one parent or after a sequence number. */
  list<K extends ResourceKind>(
    kind: K,
    filter: { parent?: string | undefined; after?: number; limit?: number } = {},
  ): StoredResource<K>[] {
    const conditions = ["kind = ?", "sequence > ?"];
    const values: SqlValue[] = [kind, filter.after ?? 0];
    if (filter.parent !== undefined) {
      conditions.push("parent = ?");
      values.push(keyOf(filter.parent));
    }
    const sql = `SELECT * FROM resources WHERE ${conditions.join(" AND ")} ORDER BY sequence LIMIT ?`;
    return this.#database.all(sql, ...values, filter.limit ?? -1).map((row) => stored(kind, row, parsed(kind, row)));
  }

  /** Returns the keys of all resources of a kind. */
  keys(kind: ResourceKind): string[] {
    return this.#database.all("SELECT key FROM resources WHERE kind = ?", kind).map((row) => text(row, "key"));
  }

  /** Returns how many resources of a kind exist. */
  count(kind: ResourceKind): number {
    return Number(this.#database.get("SELECT count(*) AS count FROM resources WHERE kind = ?", kind)?.count ?? 0);
  }

  /** Whether a resource contains others. */
  hasChildren(key: string): boolean {
    return this.#database.get("SELECT 1 FROM resources WHERE parent = ? LIMIT 1", key) !== undefined;
  }

  /** Keys and kinds of everything directly inside a resource. */
  children(key: string): { key: string; kind: ResourceKind }[] {
    return this.#database
      .all("SELECT key, kind FROM resources WHERE parent = ? ORDER BY kind, sequence", key)
      .map((row) => ({ key: text(row, "key"), kind: text(row, "kind") as ResourceKind }));
  }

  insert<K extends ResourceKind>(
    kind: K,
    resource: { id: string; parent?: string; requestDigest: string; model: ResourceModels[K] },
  ): StoredResource<K> {
    this.#database.run(
      "INSERT INTO resources (key, parent, kind, body, etag, modified, fingerprint) VALUES (?, ?, ?, ?, ?, ?, ?)",
      keyOf(resource.id),
      resource.parent === undefined ? null : keyOf(resource.parent),
      kind,
      bodyOf(kind, resource.model),
      newEtag(),
      new Date().toISOString(),
      resource.requestDigest,
    );
    const inserted = this.find(kind, resource.id);
    if (!inserted) throw new Error(`${resource.id} vanished while it was created`);
    return inserted;
  }

  /** Stores what a client wrote: the resource gets a new ETag. */
  write<K extends ResourceKind>(resource: StoredResource<K>, model: ResourceModels[K]): StoredResource<K> {
    const modified = new Date();
    const etag = newEtag();
    this.#database.run(
      "UPDATE resources SET body = ?, etag = ?, modified = ? WHERE key = ?",
      bodyOf(resource.kind, model),
      etag,
      modified.toISOString(),
      resource.key,
    );
    return { ...resource, model, etag, modified };
  }

  /** Stores a step of the resource's own life: state, times, counters. */
  advance<K extends ResourceKind>(resource: StoredResource<K>, change: Partial<ResourceModels[K]>): StoredResource<K> {
    const model = { ...resource.model, ...change };
    this.#database.run("UPDATE resources SET body = ? WHERE key = ?", bodyOf(resource.kind, model), resource.key);
    return { ...resource, model };
  }

  /** Marks a resource as being deleted: it stays visible with that state until it is removed. */
  markDeleting<K extends ResourceKind>(resource: StoredResource<K>, change: Partial<ResourceModels[K]>): void {
    this.advance(resource, change);
    this.#database.run("UPDATE resources SET deleting = 1 WHERE key = ?", resource.key);
  }

  /** Returns the resources that are being deleted; children come before their parents. */
  deleting(): { key: string; kind: ResourceKind }[] {
    return this.#database
      .all("SELECT key, kind FROM resources WHERE deleting = 1 ORDER BY sequence DESC")
      .map((row) => ({ key: text(row, "key"), kind: text(row, "kind") as ResourceKind }));
  }

  remove(key: string): void {
    this.#models.remove(key);
    this.#database.run("DELETE FROM resources WHERE key = ?", key);
  }

  #stored<K extends ResourceKind>(kind: K, row: SqlRow): StoredResource<K> {
    return stored(kind, row, this.#models.parse(resourceSchemas[kind], text(row, "key"), text(row, "body")));
  }
}

function stored<K extends ResourceKind>(kind: K, row: SqlRow, model: ResourceModels[K]): StoredResource<K> {
  return {
    kind,
    key: text(row, "key"),
    parent: row.parent === null ? undefined : text(row, "parent"),
    sequence: Number(row.sequence),
    etag: text(row, "etag"),
    modified: new Date(text(row, "modified")),
    requestDigest: text(row, "fingerprint"),
    model,
  };
}

function parsed<K extends ResourceKind>(kind: K, row: SqlRow): ResourceModels[K] {
  return deserialize(resourceSchemas[kind], JSON.parse(text(row, "body")));
}

function bodyOf<K extends ResourceKind>(kind: K, model: ResourceModels[K]): string {
  return JSON.stringify(serialize(resourceSchemas[kind], model));
}

function newEtag(): string {
  return `"0x${randomBytes(8).toString("hex").toUpperCase()}"`;
}
