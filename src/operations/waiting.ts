import type { AbortSignalLike } from "@azure/abort-controller";
import { isRestError } from "@azure/core-rest-pipeline";
import type { PipelineResponse, RestError } from "@azure/core-rest-pipeline";
import { delay } from "../http/abort.ts";
import { AbortError, abortReason, isAbortError } from "../http/abortError.ts";
import { checkOptions } from "../http/checkOptions.ts";
import type { ServiceContext } from "../http/context.ts";
import type { LongRunningOperationOptions, OperationOptions } from "../http/options.ts";
import { pollPauseInMs } from "../http/polling/pollInterval.ts";
import { restError } from "../http/restError.ts";
import type { ErrorDetails } from "../http/restError.ts";

/** Options of methods that poll a resource. */
export type WaitOptions = LongRunningOperationOptions;

/** Description of a wait, for error messages. */
export interface Waiting {
  /** Method that was called, for example `jobs.waitForCompletion`. */
  readonly operation: string;
  /** ARM ID of the resource. */
  readonly resource: string;
  /** Name of the resource, for example `job myjob`. */
  readonly subject: string;
  /**
   * Called after the wait was aborted, to do what the caller asked for. `confirm` rejects if the resource was deleted or
   * replaced. Returns the clause that says what continues, for example `the job continues`. Never rejects.
   */
  readonly leave: (confirm: Confirm) => string | Promise<string>;
}

/** Confirms that a resource is still the same. */
export type Confirm = (abortSignal: AbortSignalLike) => Promise<unknown>;

/** Requests the current state of a resource. */
export type Poll<T> = (options: OperationOptions) => Promise<T>;

/** Properties that tell a resource from a later one with the same name. The service may set them late. */
interface Identity {
  readonly creationTime?: Date;
  readonly jobOutputDirectoryPathSegment?: string;
}

/** A resource that is watched. It may say what it lacks. */
interface Watched extends Identity {
  readonly batchai?: {
    readonly waitingFor?: { readonly message: string };
    readonly missingNodes?: { readonly message: string };
  };
}

/**
 * Polls a resource that must not be deleted or replaced. All waits and streams look at their resource and pause with
 * this class.
 */
export class Watch<T extends Watched> {
  readonly waiting: Waiting;
  readonly options: WaitOptions;
  readonly #context: ServiceContext;
  readonly #poll: Poll<T>;
  #pauseInMs: number;
  #identity: Identity | undefined;
  #lack: string | undefined;
  #isLost = false;

  /** @param known - The resource, if an earlier response contained it. */
  constructor(context: ServiceContext, waiting: Waiting, options: WaitOptions, poll: Poll<T>, known?: T) {
    checkOptions(waiting.operation, options);
    this.waiting = waiting;
    this.options = options;
    this.#context = context;
    this.#pauseInMs = pollPauseInMs(context, options);
    this.#poll = poll;
    this.#identity = known;
    this.#lack = lackOf(known);
  }

  /** Sentence that says what the resource lacked at the last look. Absent if it lacked nothing. */
  get lack(): string | undefined {
    return this.#lack;
  }

  /** Whether {@link Watch.look} has found that the resource was deleted or replaced. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Gets the resource. Rejects with a `RestError` if it was deleted or replaced since the first look. */
  async look(abortSignal = this.options.abortSignal): Promise<T> {
    const onResponse = (response: PipelineResponse): void => {
      this.#pauseInMs = pollPauseInMs(this.#context, this.options, response.headers);
      this.options.onResponse?.(response);
    };
    const seen = await this.#poll({ ...this.options, abortSignal, onResponse }).catch((error: unknown) => {
      // This 404 is about the resource or its parents. Those of other requests during the wait can have other reasons.
      if (this.#identity === undefined || !isNotFound(error)) throw error;
      this.#isLost = true;
      throw deletedError(this.waiting, error);
    });
    if (this.#identity !== undefined && isAnother(this.#identity, seen)) {
      this.#isLost = true;
      throw replacedError(this.waiting);
    }
    this.#identity = {
      creationTime: this.#identity?.creationTime ?? seen.creationTime,
      jobOutputDirectoryPathSegment:
        this.#identity?.jobOutputDirectoryPathSegment ?? seen.jobOutputDirectoryPathSegment,
    };
    this.#lack = lackOf(seen);
    return seen;
  }

  /** Rejects if the resource was deleted or replaced since the first look. */
  async confirm(abortSignal: AbortSignalLike): Promise<void> {
    if (this.#identity !== undefined) await this.look(abortSignal);
  }

  /** Pauses for as long as the last response requested, or for the polling interval. */
  pause(): Promise<void> {
    return delay(this.#pauseInMs, this.options.abortSignal ?? new AbortController().signal);
  }
}

/**
 * Polls a resource until `isEnough` returns true, and returns it. Rejects with an `AbortError` that says what
 * continues, and with a `RestError` if the resource was deleted or replaced.
 */
export async function pollUntil<T extends Watched>(
  watch: Watch<T>,
  isEnough: (seen: T) => boolean | Promise<boolean>,
): Promise<T> {
  try {
    for (;;) {
      const seen = await watch.look();
      if (await isEnough(seen)) return seen;
      await watch.pause();
    }
  } catch (error) {
    throw await leave(error, watch);
  }
}

/**
 * Leaves a wait that ended with an error: if it was aborted, does what the caller asked for. Returns the error of the
 * wait, which says what continues if it was aborted.
 */
export async function leave<T extends Watched>(error: unknown, watch: Watch<T>): Promise<unknown> {
  const { waiting, options } = watch;
  if (!options.abortSignal?.aborted) return error;
  const { lack } = watch;
  const outcome = await waiting.leave((abortSignal) => watch.confirm(abortSignal));
  return isAbortError(error) ? abortedError(waiting, options, outcome, lack) : error;
}

/** Creates the error of an aborted wait; `outcome` says what continues, and `lack` what the resource lacked. */
export function abortedError(
  { operation, resource, subject }: Waiting,
  { abortSignal }: OperationOptions,
  outcome: string,
  lack?: string,
): AbortError {
  const reason = lack === undefined ? "" : ` ${lack}`;
  const message = `${operation}: the wait for ${subject} was aborted; ${outcome}.${reason}`;
  return new AbortError(message, { operation, resource, cause: abortReason(abortSignal) });
}

/** Whether an error is a 404 of the service. */
export function isNotFound(error: unknown): error is RestError {
  return isRestError(error) && error.statusCode === 404;
}

/** Copies an error of the service with another message. */
export function reworded(error: RestError, message: string): RestError {
  const { code, statusCode, request, response } = error;
  return restError(message, {
    code,
    statusCode,
    request,
    response,
    details: error.details as ErrorDetails | undefined,
  });
}

function lackOf(seen: Watched | undefined): string | undefined {
  return (seen?.batchai?.waitingFor ?? seen?.batchai?.missingNodes)?.message;
}

function isAnother(first: Identity, seen: Identity): boolean {
  const differ = <V>(one: V | undefined, other: V | undefined): boolean =>
    one !== undefined && other !== undefined && one !== other;
  return (
    differ(first.creationTime?.getTime(), seen.creationTime?.getTime()) ||
    differ(first.jobOutputDirectoryPathSegment, seen.jobOutputDirectoryPathSegment)
  );
}

function deletedError({ operation, subject }: Waiting, error: RestError): RestError {
  const mark = `${error.code ?? "NotFound"}, HTTP 404`;
  return reworded(error, `${operation}: ${subject} was deleted during the wait [${mark}]`);
}

function replacedError({ operation, subject }: Waiting): RestError {
  const message = `${operation}: ${subject} was deleted and replaced by a new one with the same name during the wait [ResourceReplaced]`;
  return restError(message, { code: "ResourceReplaced" });
}
