import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Logger } from "../../logger.ts";
import type { LauncherMessage, LauncherRequest } from "./launcherMessages.ts";

/** Returns the path of the launcher's code. The build replaces the name by that of the built file. */
function launcherLocation(): string {
  return fileURLToPath(new URL("./launcher.ts", import.meta.url));
}

/** Number of launchers that receive a request, if each of them dies before it has carried the request out. */
const attempts = 3;

interface PendingRequest {
  readonly request: LauncherRequest;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  attemptsLeft: number;
}

/** Callbacks for what the launcher reports by itself. */
export interface LauncherEvents {
  /** Called when the supervisor of a run has ended. */
  onExit(runId: string): void;
  /** Called when the launcher dies: it no longer reports the ends of the runs that it started. */
  onLost(): void;
}

/**
 * The engine's side of its launcher process: starts it when it is needed, and again after it died. Requests that it did
 * not complete are repeated. That is safe: a run is claimed once, and stopping a run twice has no further effect.
 */
export class LauncherClient {
  readonly #events: LauncherEvents;
  readonly #logger: Logger;
  readonly #pending = new Map<number, PendingRequest>();
  #launcher: ChildProcess | undefined;
  #lastId = 0;
  #closed = false;

  constructor(events: LauncherEvents, logger: Logger) {
    this.#events = events;
    this.#logger = logger;
  }

  /** Sends a request. Resolves when the launcher has carried it out. */
  request(request: LauncherRequest): Promise<void> {
    if (this.#closed) return Promise.reject(new Error("The engine is closed."));
    return new Promise((resolve, reject) => {
      const id = (this.#lastId += 1);
      this.#pending.set(id, { request, resolve, reject, attemptsLeft: attempts });
      this.#send(id);
    });
  }

  /** Starts the launcher ahead of the first request. */
  warmUp(): void {
    if (!this.#closed) this.#launcher ??= this.#start();
  }

  /** Ends the launcher; the runs that it started continue. */
  async close(): Promise<void> {
    this.#closed = true;
    const launcher = this.#launcher;
    if (launcher?.connected) {
      const gone = once(launcher, "exit");
      launcher.disconnect();
      await gone;
    }
    for (const { reject } of this.#pending.values()) reject(new Error("The engine is closed."));
    this.#pending.clear();
  }

  #send(id: number): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    pending.attemptsLeft -= 1;
    this.#launcher ??= this.#start();
    // A failed send means that the launcher is dying; its exit has the request repeated.
    this.#launcher.send({ id, request: pending.request }, () => undefined);
  }

  #start(): ChildProcess {
    // Its own environment and options: the launcher receives nothing from the service but messages. Its own process
    // group: Ctrl+C in the terminal of the service must not end it before the service.
    const launcher = fork(launcherLocation(), [], {
      detached: true,
      env: {},
      execArgv: ["--max-old-space-size=64", "--max-semi-space-size=1"],
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    launcher.on("message", (message: LauncherMessage) => this.#receive(message));
    let lost = false;
    const lose = (reason: string): void => {
      if (lost) return;
      lost = true;
      this.#lose(launcher, reason);
    };
    launcher.once("error", (error) => lose(error.message));
    launcher.once("exit", (code, signal) => lose(`it ended with ${signal ?? `exit code ${code}`}`));
    return launcher;
  }

  #receive(message: LauncherMessage): void {
    if (message.kind === "exit") {
      this.#events.onExit(message.runId);
      return;
    }
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.kind === "done") pending?.resolve();
    else pending?.reject(new Error(message.message));
  }

  #lose(launcher: ChildProcess, reason: string): void {
    if (this.#launcher === launcher) this.#launcher = undefined;
    if (this.#closed) return;
    this.#logger.warn({ reason }, "the launcher of the process engine died; a new one is started");
    this.#events.onLost();
    for (const [id, { attemptsLeft, reject }] of this.#pending) {
      if (attemptsLeft > 0) {
        this.#send(id);
      } else {
        this.#pending.delete(id);
        reject(new Error(`The launcher process cannot be kept alive: ${reason}.`));
      }
    }
  }
}
