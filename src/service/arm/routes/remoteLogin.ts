/**
 * Response to a request for the SSH addresses of nodes. Nodes are slots of this machine and have no SSH server of their
 * own: port 22 belongs to the machine, with other accounts than `userAccountSettings`, so it is not one of a node.
 */
export const noRemoteLogin: { readonly value: readonly never[] } = { value: [] };
