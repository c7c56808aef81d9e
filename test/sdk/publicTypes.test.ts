import { describe, expectTypeOf, it } from "vitest";
import type {
  AbortError,
  AdditionalPolicy,
  BatchAIManagementClient,
  BatchAIManagementClientOptions,
  CachingType,
  Cluster,
  ClusterCreateParameters,
  ErrorDetails,
  ExecutionState,
  Experiment,
  File,
  FileServer,
  HttpClient,
  Job,
  JobCreateParameters,
  JobOutput,
  JobsRunOptions,
  JobsWaitForCompletionOptions,
  ListOptions,
  LongRunningOperationOptions,
  Operation,
  OperationOptions,
  OperationPoller,
  OperationProgress,
  Page,
  PagedList,
  Pipeline,
  PipelinePolicy,
  PipelineRequest,
  PipelineResponse,
  ProvisioningState,
  RemoteLoginInformation,
  ResourceId,
  RestError,
  SendRequest,
  TokenCredential,
  ToolType,
  Usage,
  ValidationError,
  VmPriority,
  Workspace,
} from "../../src/index.ts";
import { isRestError, restorePoller, tokenCredential } from "../../src/index.ts";

// What this file says is said to the compiler: `tsc` fails where a type is not what it claims.

type Client = BatchAIManagementClient;

describe("the types of methods", () => {
  it("give back a poller of what is made", () => {
    expectTypeOf<ReturnType<Client["workspaces"]["create"]>>().toEqualTypeOf<OperationPoller<Workspace>>();
    expectTypeOf<ReturnType<Client["experiments"]["create"]>>().toEqualTypeOf<OperationPoller<Experiment>>();
    expectTypeOf<ReturnType<Client["jobs"]["create"]>>().toEqualTypeOf<OperationPoller<Job>>();
    expectTypeOf<ReturnType<Client["clusters"]["create"]>>().toEqualTypeOf<OperationPoller<Cluster>>();
    expectTypeOf<ReturnType<Client["fileServers"]["create"]>>().toEqualTypeOf<OperationPoller<FileServer>>();
    expectTypeOf<Awaited<ReturnType<Client["jobs"]["create"]>>>().toEqualTypeOf<Job>();
  });

  it("give back a poller of nothing where something ends", () => {
    expectTypeOf<ReturnType<Client["workspaces"]["delete"]>>().toEqualTypeOf<OperationPoller<void>>();
    expectTypeOf<ReturnType<Client["experiments"]["delete"]>>().toEqualTypeOf<OperationPoller<void>>();
    expectTypeOf<ReturnType<Client["clusters"]["delete"]>>().toEqualTypeOf<OperationPoller<void>>();
    expectTypeOf<ReturnType<Client["fileServers"]["delete"]>>().toEqualTypeOf<OperationPoller<void>>();
    expectTypeOf<ReturnType<Client["jobs"]["delete"]>>().toEqualTypeOf<OperationPoller<void>>();
    expectTypeOf<ReturnType<Client["jobs"]["terminate"]>>().toEqualTypeOf<OperationPoller<void>>();
  });

  it("give back promises of one resource and lists of many", () => {
    expectTypeOf<ReturnType<Client["jobs"]["get"]>>().toEqualTypeOf<Promise<Job>>();
    expectTypeOf<ReturnType<Client["jobs"]["run"]>>().toEqualTypeOf<Promise<Job>>();
    expectTypeOf<ReturnType<Client["clusters"]["update"]>>().toEqualTypeOf<Promise<Cluster>>();
    expectTypeOf<ReturnType<Client["workspaces"]["update"]>>().toEqualTypeOf<Promise<Workspace>>();
    expectTypeOf<ReturnType<Client["operations"]["list"]>>().toEqualTypeOf<PagedList<Operation>>();
    expectTypeOf<ReturnType<Client["usages"]["list"]>>().toEqualTypeOf<PagedList<Usage>>();
    expectTypeOf<ReturnType<Client["jobs"]["listOutputFiles"]>>().toEqualTypeOf<PagedList<File>>();
    expectTypeOf<ReturnType<Client["jobs"]["listRemoteLoginInformation"]>>().toEqualTypeOf<
      PagedList<RemoteLoginInformation>
    >();
    expectTypeOf<PagedList<Job>>().toExtend<AsyncIterable<Job>>();
    expectTypeOf<ReturnType<PagedList<Job>["byPage"]>>().toExtend<AsyncIterable<Page<Job>>>();
  });

  it("take options last, of the kind that they understand", () => {
    expectTypeOf<Parameters<Client["jobs"]["get"]>["length"]>().toEqualTypeOf<4 | 5>();
    expectTypeOf<Parameters<Client["jobs"]["get"]>[4]>().toEqualTypeOf<OperationOptions | undefined>();
    expectTypeOf<Parameters<Client["jobs"]["create"]>[5]>().toEqualTypeOf<LongRunningOperationOptions | undefined>();
    expectTypeOf<Parameters<Client["jobs"]["run"]>[5]>().toEqualTypeOf<JobsRunOptions | undefined>();
    expectTypeOf<JobsRunOptions>().toExtend<JobsWaitForCompletionOptions>();
    expectTypeOf<Parameters<NonNullable<JobsRunOptions["onOutput"]>>>().toEqualTypeOf<[JobOutput]>();
    expectTypeOf<Parameters<Client["workspaces"]["list"]>[0]>().toEqualTypeOf<ListOptions | undefined>();
    expectTypeOf<Parameters<Client["jobs"]["listOutputFiles"]>[4]>().toEqualTypeOf<string>();
  });

  it("let a poller show its progress, and a restored one its result", () => {
    const show = (poller: OperationPoller<Job>): void => {
      poller.onProgress((state) => {
        expectTypeOf(state).toEqualTypeOf<OperationProgress<Job>>();
        expectTypeOf(state.result).toEqualTypeOf<Job | undefined>();
        expectTypeOf(state.status).toEqualTypeOf<"notStarted" | "running" | "succeeded" | "canceled" | "failed">();
        expectTypeOf(state.provisioningState).toEqualTypeOf<ProvisioningState | undefined>();
        expectTypeOf(state.resourceId).toEqualTypeOf<string>();
      });
    };
    expectTypeOf(show).parameter(0).toExtend<PromiseLike<Job>>();
    expectTypeOf(restorePoller<Cluster>).returns.toEqualTypeOf<OperationPoller<Cluster>>();
    expectTypeOf(restorePoller<undefined>).returns.toEqualTypeOf<OperationPoller<undefined>>();
    // @ts-expect-error: no operation ends with a usage
    expectTypeOf(restorePoller<Usage>).toBeFunction();
  });
});

describe("the types of models", () => {
  it("ask for what a request needs, and for nothing else", () => {
    expectTypeOf<{
      vmSize: string;
      userAccountSettings: { adminUserName: string };
    }>().toExtend<ClusterCreateParameters>();
    expectTypeOf<{ vmSize: string }>().not.toExtend<ClusterCreateParameters>();
    expectTypeOf<{
      cluster: { id: string };
      nodeCount: number;
      stdOutErrPathPrefix: string;
    }>().toExtend<JobCreateParameters>();
    expectTypeOf<{
      cluster: { id: string };
      nodeCount: string;
      stdOutErrPathPrefix: string;
    }>().not.toExtend<JobCreateParameters>();
  });

  it("promise what every answer contains", () => {
    interface Always {
      readonly id: string;
      readonly name: string;
      readonly type: string;
    }
    expectTypeOf<[Workspace, Experiment, Cluster, Job, FileServer]>().toExtend<Always[]>();
    expectTypeOf<File["name"]>().toEqualTypeOf<string>();
    expectTypeOf<Job["cluster"]>().toEqualTypeOf<ResourceId | undefined>();
  });

  it("keep what the service sets from being set", () => {
    const job: Job = { id: "/j", name: "j", type: "Microsoft.BatchAI/workspaces/experiments/jobs" };
    // @ts-expect-error: set by the service
    job.executionState = "running";
    // @ts-expect-error: set by the service
    job.id = "/";
    job.nodeCount = 2;
    expectTypeOf(job.creationTime).toEqualTypeOf<Date | undefined>();
    expectTypeOf(job.executionInfo?.exitCode).toEqualTypeOf<number | undefined>();
  });

  it("offer the words of open enumerations and take others, but not for closed ones", () => {
    expectTypeOf<"running">().toExtend<ExecutionState>();
    expectTypeOf<"pytorch">().toExtend<ToolType>();
    expectTypeOf<string>().toExtend<ExecutionState>();
    expectTypeOf<VmPriority>().toEqualTypeOf<"dedicated" | "lowpriority">();
    expectTypeOf<CachingType>().toEqualTypeOf<"none" | "readonly" | "readwrite">();
    expectTypeOf<string>().not.toExtend<VmPriority>();
  });
});

describe("the types of the client and its errors", () => {
  it("take a credential, a subscription and options", () => {
    expectTypeOf<ConstructorParameters<typeof BatchAIManagementClient>>().toEqualTypeOf<
      [credential: TokenCredential, subscriptionId: string, options?: BatchAIManagementClientOptions]
    >();
    expectTypeOf(tokenCredential).toEqualTypeOf<(token: string) => TokenCredential>();
    expectTypeOf<{ endpoint: string; validate: false }>().toExtend<BatchAIManagementClientOptions>();
  });

  it("are enough to write policies and transports with, without another package", () => {
    const policy: PipelinePolicy = {
      name: "patience",
      sendRequest(request, next) {
        expectTypeOf(request).toEqualTypeOf<PipelineRequest>();
        expectTypeOf(next).toEqualTypeOf<SendRequest>();
        return next(request);
      },
    };
    expectTypeOf({ policy, position: "perCall" as const }).toExtend<AdditionalPolicy>();
    expectTypeOf<NonNullable<BatchAIManagementClientOptions["httpClient"]>>().toEqualTypeOf<HttpClient>();
    expectTypeOf<BatchAIManagementClient["pipeline"]>().toEqualTypeOf<Pipeline>();
    expectTypeOf<Parameters<NonNullable<OperationOptions["onResponse"]>>>().toEqualTypeOf<
      [response: PipelineResponse]
    >();
  });

  it("tell one error from another", () => {
    const examine = (error: unknown): void => {
      if (isRestError(error)) expectTypeOf(error).toEqualTypeOf<RestError>();
    };
    expectTypeOf(examine).toBeFunction();
    expectTypeOf<RestError["code"]>().toEqualTypeOf<string | undefined>();
    expectTypeOf<ErrorDetails["requestId"]>().toEqualTypeOf<string | undefined>();
    expectTypeOf<ValidationError>().toExtend<TypeError>();
    expectTypeOf<ValidationError["issues"][number]>().toEqualTypeOf<{
      readonly path: string;
      readonly message: string;
    }>();
    expectTypeOf<AbortError>().toExtend<Error>();
  });
});
