import type { FastifyInstance } from "fastify";
import type { Experiment } from "../../../models/experiment.ts";
import { resourcePage, sendResource } from "../responses.ts";
import type { ArmContext, ArmRequest } from "../context.ts";
import { createdBefore } from "../sameRequest.ts";
import { sendDeletion } from "./deletion.ts";
import { refuseWhileDeleting, workspaceChildId, workspaceChildOf, workspaceOf } from "../resourcesInPath.ts";
import { nameIn } from "../parameters.ts";
import { workspacePath } from "./paths.ts";

/** The operation group Experiments. */
export function experimentRoutes(app: FastifyInstance, context: ArmContext): void {
  const { store } = context;
  const experiments = `${workspacePath}/experiments`;
  const experiment = `${experiments}/:experimentName`;

  app.get(experiments, (request: ArmRequest) =>
    resourcePage(context, request, "experiments", workspaceOf(context, request).key),
  );

  app.get(experiment, (request: ArmRequest, reply) =>
    sendResource(reply, workspaceChildOf(context, request, "experiments")),
  );

  app.put(experiment, (request: ArmRequest, reply) => {
    const id = workspaceChildId(context, request, "experiments");
    const workspace = workspaceOf(context, request);
    refuseWhileDeleting(workspace);
    const found = createdBefore(context, "experiments", id, "");
    if (found) return sendResource(reply, found);
    const now = new Date();
    const model: Experiment = {
      id,
      name: nameIn(request, "experimentName"),
      type: "Microsoft.BatchAI/workspaces/experiments",
      creationTime: now,
      provisioningState: "succeeded",
      provisioningStateTransitionTime: now,
    };
    return sendResource(
      reply,
      store.resources.insert("experiments", { id, parent: workspace.key, requestDigest: "", model }),
    );
  });

  app.delete(experiment, (request: ArmRequest, reply) => {
    workspaceOf(context, request);
    const id = workspaceChildId(context, request, "experiments");
    return sendDeletion(context, request, reply, store.resources.find("experiments", id));
  });
}
