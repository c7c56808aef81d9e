/** The body of every error answer. */
export interface CloudError {
  /** What went wrong. Set by the service. */
  readonly error?: CloudErrorBody;
}

/** One error, as the service describes it. */
export interface CloudErrorBody {
  /** Stable word for programs, for example `JobNotFound`. Set by the service. */
  readonly code?: string;
  /** Sentence for people. Set by the service. */
  readonly message?: string;
  /** What the error is about, for example the path of a property. Absent when there is nothing to name. */
  readonly target?: string;
  /** Further errors that explain this one. Absent when there are none. */
  readonly details?: CloudErrorBody[];
}

/** A problem of a cluster's nodes or of a job, told as part of the resource. */
export interface BatchAIError {
  /** Stable word for programs, for example `JobTerminated`. Set by the service. */
  readonly code?: string;
  /** Sentence for people. Set by the service. */
  readonly message?: string;
  /** Facts about the problem. Absent when there are none. */
  readonly details?: NameValuePair[];
}

/** One named fact. */
export interface NameValuePair {
  /** What it is. */
  name?: string;
  /** Its value as text. */
  value?: string;
}
