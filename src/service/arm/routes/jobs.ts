import { randomUUID } from "node:crypto";
import type { FastifyInstance } from "fastify";
import type { Cluster } from "../../../models/cluster.ts";
import type { Job, JobCreateParameters } from "../../../models/job.ts";
import { applyDefaults } from "../../../wire/defaults.ts";
import { job as jobSchema, jobConstraints, jobCreateParameters } from "../../../wire/tables/job.ts";
import { secretsOf, withoutSecrets } from "../../../wire/secrets.ts";
import { serialize } from "../../../wire/serialize.ts";
import { jobLaunchIssues } from "../../launch/launchIssues.ts";
import { enqueue } from "../../scheduler/jobStates.ts";
import type { JobDetails } from "../../scheduler/jobDetails.ts";
import { namesIn } from "../../../wire/resourceIds.ts";
import type { StoredResource } from "../../state/resources.ts";
import { toolTypeOf, withToolkitDefaults } from "../../toolkits/toolkits.ts";
import { relativeMountPathsOf } from "../../volumes/relativeMountPaths.ts";
import { resourcePage, sendAccepted, sendResource } from "../responses.ts";
import type { ArmContext, ArmRequest } from "../context.ts";
import { createdBefore, requestDigest } from "../sameRequest.ts";
import { sendDeletion } from "./deletion.ts";
import { invalidParameter } from "../errors.ts";
import { jobIssues, nodeCountIssues } from "../checks/jobs.ts";
import { neededResources } from "../checks/neededResources.ts";
import { existing, jobIdOf, jobOf, locationOf, refuseWhileDeleting, workspaceChildOf } from "../resourcesInPath.ts";
import { outputFilesOf } from "./outputFiles.ts";
import { bodyIn, nameIn } from "../parameters.ts";
import { noRemoteLogin } from "./remoteLogin.ts";
import { workspacePath } from "./paths.ts";

/** The operation group Jobs. */
export function jobRoutes(app: FastifyInstance, context: ArmContext): void {
  const { store, scheduler, subscriptionId } = context;
  const jobs = `${workspacePath}/experiments/:experimentName/jobs`;
  const job = `${jobs}/:jobName`;

  app.get(jobs, (request: ArmRequest) => {
    const experiment = workspaceChildOf(context, request, "experiments");
    const details = scheduler.jobDetails();
    return resourcePage(context, request, "jobs", experiment.key, (found) => jobBody(found, details));
  });

  app.get(job, (request: ArmRequest, reply) => {
    const found = jobOf(context, request);
    return sendResource(reply, found, jobBody(found, scheduler.jobDetails()));
  });

  app.put(job, async (request: ArmRequest, reply) => {
    const id = jobIdOf(context, request);
    const experiment = workspaceChildOf(context, request, "experiments");
    refuseWhileDeleting(experiment);
    const parameters = withComputedDefaults(bodyIn(context, request, jobCreateParameters));
    const issues = jobIssues(parameters);
    if (issues.length > 0) throw invalidParameter(issues);
    const digest = requestDigest(context, parameters);
    const known = createdBefore(context, "jobs", id, digest);
    if (known) return sendResource(reply, known, jobBody(known, scheduler.jobDetails()));
    const cluster = checkNeeds(context, parameters);
    const model = jobFrom(parameters, id, nameIn(request, "jobName"));
    const mountPaths = {
      cluster: relativeMountPathsOf(cluster.nodeSetup?.mountVolumes),
      job: relativeMountPathsOf(model.mountVolumes),
    };
    const isInSlurm = context.nodeTypes.of(cluster.vmSize).slurm !== undefined;
    const hiddenMakers = isInSlurm ? [] : context.gpus.hiddenMakers();
    const launchIssues = jobLaunchIssues(model, mountPaths, `/${randomUUID()}`, hiddenMakers);
    if (launchIssues.length > 0) throw invalidParameter(launchIssues);

    const { found, operation } = await scheduler.commit(() => {
      // Other changes may be stored before this one: what it relies on is checked again.
      const foundNow = createdBefore(context, "jobs", id, digest);
      if (foundNow) return { found: foundNow };
      refuseWhileDeleting(workspaceChildOf(context, request, "experiments"));
      checkNeeds(context, parameters);
      const created = store.resources.insert("jobs", { id, parent: experiment.key, requestDigest: digest, model });
      store.vault.put(created.key, secretsOf(jobCreateParameters, parameters));
      enqueue(store, created);
      return { operation: store.operations.record("create", id, locationOf(store, created)) };
    });
    if (operation === undefined) return sendResource(reply, found, jobBody(found, scheduler.jobDetails()));
    return sendAccepted(request, reply, subscriptionId, operation);
  });

  app.delete(job, (request: ArmRequest, reply) => {
    workspaceChildOf(context, request, "experiments");
    return sendDeletion(context, request, reply, store.resources.find("jobs", jobIdOf(context, request)));
  });

  app.post(`${job}/terminate`, (request: ArmRequest, reply) => {
    const found = jobOf(context, request);
    refuseWhileDeleting(found);
    const operation = store.transaction(() => {
      const started = store.operations.begin("terminate", found.model.id, locationOf(store, found));
      const stopping = scheduler.terminate(found);
      if (!stopping) store.operations.succeed(found.key, "terminate");
      return stopping ? (store.operations.find(started.id) ?? started) : undefined;
    });
    return operation ? sendAccepted(request, reply, subscriptionId, operation) : reply.code(200).send();
  });

  app.post(`${job}/listRemoteLoginInformation`, (request: ArmRequest) => {
    jobOf(context, request);
    return noRemoteLogin;
  });

  // Old clients follow nextLink with GET, others with POST.
  app.route({
    method: ["GET", "POST"],
    url: `${job}/listOutputFiles`,
    handler: (request: ArmRequest) => outputFilesOf(context, request, jobOf(context, request)),
  });
}

/**
 * Returns the cluster of a new job.
 * @throws ArmError if the cluster or a volume does not exist or is being deleted, or if the cluster scales automatically
 * and never gets enough nodes.
 */
function checkNeeds({ store }: ArmContext, { cluster, mountVolumes, nodeCount }: JobCreateParameters): Cluster {
  const found = existing(store, "clusters", cluster.id, "properties.cluster.id");
  refuseWhileDeleting(found);
  neededResources(store, mountVolumes, "properties.mountVolumes");
  const issues = nodeCountIssues(nodeCount, found.model);
  if (issues.length > 0) throw invalidParameter(issues);
  return found.model;
}

/** Returns the body of a job; it also names the experiment of the job, and has the details of its state. */
function jobBody(job: StoredResource<"jobs">, details: JobDetails): Record<string, unknown> {
  const batchai = details.of(job);
  const body = serialize(jobSchema, { ...job.model, ...(batchai ? { batchai } : {}) });
  const experimentName = namesIn(job.model.id).experiments;
  return { ...body, properties: { ...(body.properties as object), experimentName } };
}

/** Returns the parameters with the defaults that depend on other properties; bodyIn has added all others. */
function withComputedDefaults(parameters: JobCreateParameters): JobCreateParameters {
  const constraints = applyDefaults(jobConstraints, parameters.constraints ?? {});
  return withToolkitDefaults({ ...parameters, constraints });
}

function jobFrom(parameters: JobCreateParameters, id: string, name: string): Job {
  const now = new Date();
  const accepted = withoutSecrets(jobCreateParameters, parameters);
  return {
    id,
    name,
    type: "Microsoft.BatchAI/workspaces/experiments/jobs",
    ...accepted,
    toolType: toolTypeOf(accepted),
    jobOutputDirectoryPathSegment: outputSegmentOf(id),
    creationTime: now,
    provisioningState: "succeeded",
    provisioningStateTransitionTime: now,
    executionState: "queued",
    executionStateTransitionTime: now,
  };
}

/** Returns the part of every output path that is new for each job, so that no job finds the files of a deleted job. */
function outputSegmentOf(id: string): string {
  const names = namesIn(id);
  return [
    names.subscriptions,
    names.resourcegroups,
    "workspaces",
    names.workspaces,
    "experiments",
    names.experiments,
    "jobs",
    names.jobs,
    randomUUID(),
  ].join("/");
}
