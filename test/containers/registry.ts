import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "../freePort.ts";
import { until } from "../until.ts";
import { imageVariables, partsOf } from "./images.ts";
import type { Sandbox } from "./sandbox.ts";

/** User of the registry. */
export const registryUser = { username: "reader", password: "pass word/+=:ü" };

/** Debian's `docker-registry` on this machine. Every request needs {@link registryUser}. */
export class Registry {
  /** Host and port, as image names have them. */
  readonly host: string;
  /** File with a line for each request. */
  readonly log: string;

  private constructor(host: string, log: string) {
    this.host = host;
    this.log = log;
  }

  static async open(sandbox: Sandbox): Promise<Registry> {
    const folder = join(sandbox.folder, "registry");
    await mkdir(folder);
    const { username, password } = registryUser;
    const { stdout } = await promisify(execFile)("htpasswd", ["-Bbn", username, password]);
    await writeFile(join(folder, "htpasswd"), stdout);
    const host = `127.0.0.1:${await freePort()}`;
    const config = {
      version: 0.1,
      storage: { filesystem: { rootdirectory: join(folder, "data") } },
      auth: { htpasswd: { realm: "tests", path: join(folder, "htpasswd") } },
      http: { addr: host },
    };
    // JSON is YAML.
    await writeFile(join(folder, "config.yml"), JSON.stringify(config));
    const log = join(folder, "log");
    sandbox.start(["docker-registry", "serve", join(folder, "config.yml")], { log });
    const registry = new Registry(host, log);
    await until("the registry responds", () =>
      registry.#call("GET", "/v2/").then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    return registry;
  }

  /** Connects to a registry that another process has started. */
  static at({ host, log }: Pick<Registry, "host" | "log">): Registry {
    return new Registry(host, log);
  }

  /**
   * Stores an image whose layers are the given file trees.
   * @param name - Without the host, for example `team/trainer:1`.
   * @returns The name with the host.
   */
  async push(name: string, ...layers: readonly Buffer[]): Promise<string> {
    const { repository, tag } = partsOf(name);
    const env = Object.entries(imageVariables).map(([variable, value]) => `${variable}=${value}`);
    const config = Buffer.from(
      JSON.stringify({
        architecture: "amd64",
        os: "linux",
        config: { Env: env },
        rootfs: { type: "layers", diff_ids: layers.map(digestOf) },
      }),
    );
    for (const blob of [config, ...layers]) await this.#upload(repository, blob);
    const type = "application/vnd.docker.distribution.manifest.v2+json";
    const manifest = {
      schemaVersion: 2,
      mediaType: type,
      config: described("application/vnd.docker.container.image.v1+json", config),
      layers: layers.map((layer) => described("application/vnd.docker.image.rootfs.diff.tar", layer)),
    };
    await this.#must("PUT", `/v2/${repository}/manifests/${tag}`, JSON.stringify(manifest), type);
    return `${this.host}/${repository}:${tag}`;
  }

  async #upload(repository: string, blob: Buffer): Promise<void> {
    const begun = await this.#must("POST", `/v2/${repository}/blobs/uploads/`);
    const place = new URL(begun.headers.get("location") ?? "", `http://${this.host}`);
    place.searchParams.set("digest", digestOf(blob));
    await this.#must("PUT", place.pathname + place.search, blob, "application/octet-stream");
  }

  async #must(...call: [method: string, path: string, body?: Buffer | string, type?: string]): Promise<Response> {
    const response = await this.#call(...call);
    if (!response.ok) throw new Error(`${call[0]} ${call[1]}: ${response.status} ${await response.text()}`);
    return response;
  }

  #call(method: string, path: string, body?: Buffer | string, type?: string): Promise<Response> {
    const authorization = `Basic ${Buffer.from(`${registryUser.username}:${registryUser.password}`).toString("base64")}`;
    const headers = { authorization, ...(type === undefined ? {} : { "content-type": type }) };
    return fetch(`http://${this.host}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : new Uint8Array(body) }),
    });
  }
}

const digestOf = (blob: Buffer): string => `sha256:${createHash("sha256").update(blob).digest("hex")}`;

function described(mediaType: string, blob: Buffer): { mediaType: string; size: number; digest: string } {
  return { mediaType, size: blob.length, digest: digestOf(blob) };
}
