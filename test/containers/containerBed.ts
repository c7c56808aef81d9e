import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ContainerDaemon, type DaemonName } from "./daemons.ts";
import { Registry } from "./registry.ts";
import { Sandbox } from "./sandbox.ts";

/** Container engines and a registry for tests, each started when it is first asked for. */
export class ContainerBed {
  readonly #daemons = new Map<DaemonName, Promise<ContainerDaemon>>();
  #sandbox: Promise<Sandbox> | undefined;
  #registry: Promise<Registry> | undefined;

  daemon(name: DaemonName): Promise<ContainerDaemon> {
    const daemon = this.#daemons.get(name) ?? this.#open(name);
    this.#daemons.set(name, daemon);
    return daemon;
  }

  registry(): Promise<Registry> {
    this.#registry ??= this.#opened().then((sandbox) => Registry.open(sandbox));
    return this.#registry;
  }

  /** Ends everything. Nothing of it is left, whatever the tests did. */
  async close(): Promise<void> {
    await (await this.#sandbox)?.close();
  }

  async #open(name: DaemonName): Promise<ContainerDaemon> {
    const sandbox = await this.#opened();
    if (name === "docker") return ContainerDaemon.open(name, sandbox);
    // podman reads the registries that need no TLS when it starts; Docker asks for none on this machine.
    const file = join(sandbox.folder, "registries.conf");
    const { host } = await this.registry();
    await writeFile(file, `[[registry]]\nlocation = "${host}"\ninsecure = true\n`);
    return ContainerDaemon.open(name, sandbox, { CONTAINERS_REGISTRIES_CONF: file });
  }

  #opened(): Promise<Sandbox> {
    this.#sandbox ??= Sandbox.open();
    return this.#sandbox;
  }
}
