import type { ProvisioningState, ProxyResource } from "./resource.ts";

/** A group of jobs that belong together, such as the runs of one parameter sweep. Returned by `experiments.get`. */
export interface Experiment extends ProxyResource {
  /** Creation time. Set by the service. */
  readonly creationTime?: Date;
  /** Progress of the creation or deletion. Set by the service. */
  readonly provisioningState?: ProvisioningState;
  /** Time of the last change of {@link Experiment.provisioningState}. Set by the service. */
  readonly provisioningStateTransitionTime?: Date;
}
