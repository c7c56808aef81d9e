import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { errorCode, reasonOf } from "../../../ground/systemErrors.ts";
import { withinTime } from "../../../ground/withinTime.ts";
import type { Logger } from "../../logger.ts";
import { errorOf } from "../supervisor/sentFailures.ts";
import type { LauncherMessage, LauncherRequest, SupervisorExit } from "./launcherMessages.ts";

/** Returns the path of the launcher's code. The build replaces the name by that of the built file. */
function launcherLocation(): string {
  return fileURLToPath(new URL("./launcher.ts", import.meta.url));
}

/** Number of launchers that receive a request, if each of them dies before it has carried the request out. */
const attempts = 3;
/** Time within which a launcher ends after its channel is closed, in milliseconds. */
const closeTimeoutInMs = 2000;
const pingIntervalInMs = 2000;
/** Pings without any message after which a launcher counts as hung, for example because somebody has stopped it. */
const unansweredPings = 4;

interface PendingRequest {
  readonly request: LauncherRequest;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  attemptsLeft: number;
}

/** Callbacks for what the launcher reports by itself. */
export interface LauncherEvents {
  /** Called when the supervisor of a run has ended. */
  onExit(exit: SupervisorExit): void;
  /** Called when the launcher dies: it no longer reports the ends of the runs that it started. */
  onLost(): void;
}

/**
 * The engine's side of its launcher process: starts it when it is needed, and again after it died or hung. Requests that
 * it did not complete are repeated. That is safe: a run is claimed once, and stopping a run twice has no further effect.
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

  /** Sends a request. Resolves when the launcher has carried it out. Rejects with the system error that prevented it. */
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
    try {
      if (!this.#closed) this.#launcher ??= this.#start();
    } catch (error) {
      this.#logger.warn({ reason: reasonOf(error) }, "failed to start the launcher of the process engine for now");
    }
  }

  /** Ends the launcher; the runs that it started continue. */
  async close(): Promise<void> {
    this.#closed = true;
    const launcher = this.#launcher;
    if (launcher?.connected) {
      const gone = once(launcher, "exit");
      const kill = setTimeout(() => launcher.kill("SIGKILL"), closeTimeoutInMs);
      launcher.disconnect();
      launcher.unref();
      // A thread that waits for a volume keeps even a killed process from ending.
      await withinTime(gone, 2 * closeTimeoutInMs);
      clearTimeout(kill);
    }
    for (const { reject } of this.#pending.values()) reject(new Error("The engine is closed."));
    this.#pending.clear();
  }

  #send(id: number): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    pending.attemptsLeft -= 1;
    try {
      this.#launcher ??= this.#start();
    } catch (error) {
      this.#pending.delete(id);
      pending.reject(notAlive(error));
      return;
    }
    // A failed send means that the launcher is dying; its exit has the request repeated. A launcher that could not be
    // started has no channel, and reports its error soon.
    if (this.#launcher.connected) this.#launcher.send({ id, request: pending.request }, () => undefined);
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
    let unanswered = 0;
    launcher.on("message", (message: LauncherMessage) => {
      unanswered = 0;
      this.#receive(message);
    });
    const watch = setInterval(() => {
      if (unanswered >= unansweredPings) launcher.kill("SIGKILL");
      else if (launcher.connected) launcher.send({ id: 0, request: { kind: "ping" } }, () => undefined);
      unanswered += 1;
    }, pingIntervalInMs).unref();
    const lose = (reason: unknown): void => {
      clearInterval(watch);
      this.#lose(launcher, reason);
    };
    launcher.once("error", lose);
    launcher.once("exit", (code, signal) => lose(endedBy(code, signal)));
    return launcher;
  }

  #receive(message: LauncherMessage): void {
    if (message.kind === "exit") {
      this.#events.onExit(message);
      return;
    }
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.kind === "done") pending?.resolve();
    else pending?.reject(errorOf(message.failure));
  }

  #lose(launcher: ChildProcess, reason: unknown): void {
    if (this.#launcher !== launcher) return; // Its error has been handled; its exit follows.
    this.#launcher = undefined;
    if (this.#closed) return;
    this.#logger.warn(
      { reason: reasonOf(reason) },
      "the launcher of the process engine died; the next request starts a new one",
    );
    this.#events.onLost();
    for (const [id, { attemptsLeft, reject }] of this.#pending) {
      // A launcher that could not be started at all lacks something: an attempt at once would lack it too.
      if (attemptsLeft > 0 && launcher.pid !== undefined) {
        this.#send(id);
      } else {
        this.#pending.delete(id);
        reject(notAlive(reason));
      }
    }
  }
}

/** Returns the reason of a launcher that has ended. A later try may succeed, as after a shortage. */
function endedBy(code: number | null, signal: NodeJS.Signals | null): Error {
  return Object.assign(new Error(`it ended with ${signal ?? `exit code ${code}`}`), { code: "EAGAIN" });
}

/** Returns the error of a request for which there is no launcher; it has the code of the system error behind it. */
function notAlive(reason: unknown): Error {
  const message = `The launcher process cannot be kept alive: ${reasonOf(reason)}`;
  return Object.assign(new Error(message, { cause: reason }), { code: errorCode(reason) });
}
