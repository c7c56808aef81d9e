import type { ProvisioningState, ProxyResource } from "./resource.ts";

/** A group of jobs that belong together, such as the runs of one parameter sweep. Answered by `experiments.get`. */
export interface Experiment extends ProxyResource {
  /** When it was created. Set by the service. */
  readonly creationTime?: Date;
  /** How far its creation or deletion has come. Set by the service. */
  readonly provisioningState?: ProvisioningState;
  /** When {@link Experiment.provisioningState} last changed. Set by the service. */
  readonly provisioningStateTransitionTime?: Date;
}
