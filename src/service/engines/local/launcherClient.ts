import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Logger } from "../../logger.ts";
import type { LauncherMessage, LauncherRequest } from "./launcherMessages.ts";

/** Where the launcher's code lies. The build replaces the name by the one of the built file. */
function launcherLocation(): string {
  return fileURLToPath(new URL("./launcher.ts", import.meta.url));
}

/** How often a request is handed to a new launcher after the one that had it died. */
const attempts = 3;

interface PendingRequest {
  readonly request: LauncherRequest;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  attemptsLeft: number;
}

/** What the launcher reports without being asked. */
export interface LauncherEvents {
  /** The supervisor of a run is gone. */
  onExit(runId: string): void;
  /** The launcher died: the ends of runs that it started are no longer reported. */
  onLost(): void;
}

/**
 * The engine's side of its launcher process: starts it when it is needed, and again when it died. Requests that it took
 * with it are repeated, which is safe: a run is claimed once, and ending a run twice ends it once.
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

  /** Has a request carried out. */
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

  /** Lets the launcher go; the runs that it started go on. */
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
    // An environment and options of its own: nothing of the service reaches the launcher but what it is sent. In a
    // group of its own, so that Ctrl+C in the service's terminal does not end it before the service.
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
    this.#logger.warn({ reason }, "The launcher of the process engine is gone; a new one takes its place");
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
