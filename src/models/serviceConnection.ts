/** URLs and credentials of a service and its file shares. Contains secrets: the token and the account key. */
export interface ServiceConnection {
  /** Base URL of the Batch AI API, for example `http://127.0.0.1:10100`. */
  readonly endpoint: string;
  /** ID of the subscription that the service has. */
  readonly subscriptionId: string;
  /** Bearer token for the service. */
  readonly token: string;
  /** Storage account that the service hosts. */
  readonly storage: {
    /** Name of the account. */
    readonly accountName: string;
    /** Key of the account, base64. */
    readonly accountKey: string;
    /** URL of the account's file shares, for example `http://127.0.0.1:10101/batchaistorage`. */
    readonly fileEndpoint: string;
  };
}
