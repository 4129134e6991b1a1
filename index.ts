import {
    addresses,
    apmAddresses,
    ApmNode,
    newestTokens,
    Node,
    ownSecrets,
    published,
    readSettings,
    SHARED_CREDENTIALS_OUTPUT,
    sharedSecrets,
    snapshotKeys,
    stackTls,
    StackSettings,
} from "./components";

/** One stack is one host of its system. Its settings are in Pulumi.<stack>.yaml, explained in Pulumi.yaml and docs/config.md. */
export = async () => {
    const settings = readSettings();
    return settings.system === "apm" ? apm(settings) : otelHa(settings);
};

/** The two-host platform. */
async function otelHa({ values, ...settings }: StackSettings) {
    const secrets = settings.credentialsStack
        ? await sharedSecrets(settings.credentialsStack, settings.shared)
        : ownSecrets(settings.own);
    const credentials = { ...secrets.credentials, ...settings.givenCredentials };
    const tls = await stackTls(values, secrets.authority);

    const node = new Node(values.nodeName, {
        settings: settings.node,
        credentials,
        tls: tls?.node,
        otlpTokens: secrets.otlpTokens,
        ...settings.login,
    });

    return {
        ...addresses(values),
        ...tls?.outputs,
        containers: node.containers,
        haproxyStatsUser: values.haproxyStatsUser,
        haproxyStatsPassword: credentials.haproxyStatsPassword,
        queryUser: values.queryUser,
        queryPassword: credentials.queryPassword,
        otlpTokens: newestTokens(secrets.otlpTokens),
        // The other stack reads these; they are published as soon as they exist.
        ...(settings.credentialsStack ? {} : { [SHARED_CREDENTIALS_OUTPUT]: published(secrets) }),
    };
}

/** Container APM. */
async function apm({ values, ...settings }: StackSettings<"apm">) {
    const secrets = settings.credentialsStack
        ? await sharedSecrets(settings.credentialsStack, settings.shared)
        : ownSecrets(settings.own);
    const credentials = { ...secrets.credentials, ...settings.givenCredentials };
    const tls = await stackTls(values, secrets.authority);

    const node = new ApmNode(values.nodeName, {
        settings: settings.node,
        credentials,
        tls: tls?.node,
        otlpTokens: secrets.otlpTokens,
        snapshotKeys: snapshotKeys(values),
        ...settings.login,
    });

    return {
        ...apmAddresses(values),
        ...tls?.outputs,
        containers: node.containers,
        opensearchAdminPassword: credentials.opensearchAdminPassword,
        opensearchReaderPassword: credentials.opensearchReaderPassword,
        otlpTokens: newestTokens(secrets.otlpTokens),
        // The other stacks read these; they are published as soon as they exist.
        ...(settings.credentialsStack ? {} : { [SHARED_CREDENTIALS_OUTPUT]: published(secrets) }),
    };
}
