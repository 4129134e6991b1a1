import { addresses, Credentials, Node, readSettings, SHARED_CREDENTIALS_OUTPUT, sharedCredentials } from "./components";

/** One stack is one host of the pair. Its settings are in Pulumi.<stack>.yaml, explained in Pulumi.yaml and docs/config.md. */
export = async () => {
    const settings = readSettings();

    const credentials = settings.credentialsStack
        ? { ...(await sharedCredentials(settings.credentialsStack)), ...settings.givenCredentials }
        : new Credentials("credentials", { generation: settings.secretGeneration, given: settings.givenCredentials })
              .values;

    const node = new Node(settings.values.nodeName, { settings: settings.node, credentials, ...settings.login });

    return {
        ...addresses(settings.values),
        containers: node.containers,
        haproxyStatsUser: settings.values.haproxyStatsUser,
        haproxyStatsPassword: credentials.haproxyStatsPassword,
        // The other stack reads these; they are published as soon as they exist.
        ...(settings.credentialsStack ? {} : { [SHARED_CREDENTIALS_OUTPUT]: credentials }),
    };
};
