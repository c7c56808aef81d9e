import { createHash } from "node:crypto";
import { reasonOf } from "../../../ground/systemErrors.ts";
import { imageDetails, StartError } from "../../startError.ts";
import { abortable } from "../../abortable.ts";
import type { LaunchContainer, SurroundingsOptions } from "../engine.ts";
import { visibleDevices } from "./containerSpec.ts";
import type { Daemon } from "./daemon.ts";
import { DaemonSilence, isNotFound, isShortageOfEngine } from "./daemonErrors.ts";
import { checkReference, imageReferenceOf, registryOf } from "./imageNames.ts";
import { PullProgress } from "./pullProgress.ts";
import { fits, shapeOf } from "./shapes.ts";
import { RegistryTroubles } from "./registryTroubles.ts";

/** An image that the engine has. */
export interface Image {
  readonly reference: string;
  /** Variables that the image sets. */
  readonly environment: Readonly<Record<string, string>>;
}

interface ImageResponse {
  readonly Config?: { readonly Env?: readonly string[] | null } | null;
}

const imageShape = shapeOf<ImageResponse>("an image", fits.image);

/** A pull that several runs may wait for. */
interface Pull {
  readonly done: Promise<void>;
  readonly abort: AbortController;
  readonly reports: Set<(text: string) => void>;
  waiters: number;
}

/** Factor by which the limit of a pull without progress is longer while the engine may be unpacking a layer. */
const unpackingPatience = 10;

/** The images of a container engine. */
export class Images {
  readonly #daemon: Daemon;
  readonly #stallLimitInMs: number;
  /** Pulls that are going on, by image and credentials. */
  readonly #pulls = new Map<string, Pull>();
  readonly #registryTroubles = new RegistryTroubles();

  /** @param stallLimitInMs - Time without progress after which a pull is given up, in milliseconds. */
  constructor(daemon: Daemon, stallLimitInMs: number) {
    this.#daemon = daemon;
    this.#stallLimitInMs = stallLimitInMs;
  }

  /**
   * Returns an image; pulls it if the engine does not have it. An image that is there needs no registry. Rejects with a
   * `StartError`.
   */
  async provide(container: LaunchContainer, options: SurroundingsOptions): Promise<Image> {
    const reference = imageReferenceOf(container);
    checkReference(reference);
    const known = await this.#find(reference);
    if (known) return known;
    await this.#pullTogether(container, reference, options);
    const pulled = await this.#find(reference);
    if (pulled) return pulled;
    throw new StartError("FailedStartingContainer", `The image ${reference} is not there although it was pulled.`, {
      details: imageDetails(container),
    });
  }

  async #find(reference: string): Promise<Image | undefined> {
    try {
      const { Config } = await this.#daemon.call("GET", `/images/${reference}/json`, { shape: imageShape });
      return { reference, environment: variablesIn(Config?.Env ?? []) };
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw startErrorOf(error, `The image ${reference} cannot be inspected`, imageDetails({ image: reference }));
    }
  }

  /** Joins a pull of the same image with the same credentials, or begins one. The last one that leaves cancels it. */
  async #pullTogether(container: LaunchContainer, reference: string, options: SurroundingsOptions): Promise<void> {
    const { report, abortSignal } = options;
    const authorization = authorizationOf(container, options);
    const key = createHash("sha256")
      .update(`${reference}\n${authorization ?? ""}`)
      .digest("hex");
    let pull = this.#pulls.get(key);
    if (pull) report?.(`Waiting for the image ${reference}, which is being pulled for another job.`);
    else this.#pulls.set(key, (pull = this.#begin(key, reference, authorization)));
    pull.waiters += 1;
    if (report) pull.reports.add(report);
    if (pull.waiters === 1) report?.(`Pulling the image ${reference}.`);
    try {
      await (abortSignal ? abortable(pull.done, abortSignal) : pull.done);
    } catch (error) {
      if (error instanceof DOMException && abortSignal?.aborted) throw error;
      const failure = startErrorOf(error, `The image ${reference} cannot be pulled`, imageDetails(container));
      throw this.#registryTroubles.mayPass(key, failure) ? new StartError("Shortage", failure.message) : failure;
    } finally {
      if (report) pull.reports.delete(report);
      pull.waiters -= 1;
      if (pull.waiters === 0) this.#leave(key, pull);
    }
  }

  /** A run that comes later must not join a pull that ends. */
  #leave(key: string, pull: Pull): void {
    if (this.#pulls.get(key) === pull) this.#pulls.delete(key);
    pull.abort.abort();
  }

  #begin(key: string, reference: string, authorization: string | undefined): Pull {
    const abort = new AbortController();
    const reports = new Set<(text: string) => void>();
    const progress = new PullProgress(reference, (text) => {
      for (const report of reports) report(text);
    });
    const done = this.#pull(reference, authorization, progress, abort.signal).finally(() => {
      if (this.#pulls.get(key)?.abort === abort) this.#pulls.delete(key);
    });
    done.catch(() => undefined); // Its waiters report it; they may all have left.
    return { done, abort, reports, waiters: 0 };
  }

  async #pull(
    reference: string,
    authorization: string | undefined,
    progress: PullProgress,
    abortSignal: AbortSignal,
  ): Promise<void> {
    const stalled = new AbortController();
    const stallLater = (): NodeJS.Timeout => {
      const limitInMs = this.#stallLimitInMs * (progress.isUnpacking ? unpackingPatience : 1);
      const stall = new Error(`it made no progress for ${String(limitInMs / 1000)} seconds`);
      return setTimeout(() => {
        stalled.abort(stall);
      }, limitInMs);
    };
    let timer = stallLater();
    try {
      const lines = this.#daemon.lines("POST", "/images/create", {
        query: { fromImage: reference },
        headers: authorization === undefined ? {} : { "x-registry-auth": authorization },
        abortSignal: AbortSignal.any([abortSignal, stalled.signal]),
      });
      for await (const line of lines) {
        if (!progress.add(line)) continue;
        clearTimeout(timer);
        timer = stallLater();
      }
    } catch (error) {
      throw stalled.signal.aborted ? stalled.signal.reason : error;
    } finally {
      clearTimeout(timer);
    }
    progress.finish();
  }
}

/** Returns an error of a container engine as one for the author of the job. What the engine lacks may be back soon. */
export function startErrorOf(
  error: unknown,
  what: string,
  details: ReturnType<typeof imageDetails> | undefined,
): StartError {
  if (error instanceof StartError) return error;
  if (error instanceof DaemonSilence) return new StartError("Shortage", error.message, { cause: error });
  const code = isShortageOfEngine(error) ? "Shortage" : "FailedStartingContainer";
  return new StartError(code, `${what}: ${reasonOf(error).replace(/\.$/, "")}.`, { details, cause: error });
}

function authorizationOf(container: LaunchContainer, { secrets }: SurroundingsOptions): string | undefined {
  const { username } = container;
  if (username === undefined) return undefined;
  const credentials = { username, password: secrets?.registryPassword ?? "", serveraddress: registryOf(container) };
  // Engines read base64url only with its padding, which Node.js leaves out.
  return Buffer.from(JSON.stringify(credentials)).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

/** Returns the variables of an image, but for the one that says which GPUs a container has: that is not for the image to say. */
function variablesIn(pairs: readonly string[]): Record<string, string> {
  const variables = pairs.map((pair): readonly [name: string, value: string] => {
    const equals = pair.indexOf("=");
    return equals === -1 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
  });
  return Object.fromEntries(variables.filter(([name]) => name !== visibleDevices));
}
