import {
    addresses,
    Node,
    ownSecrets,
    published,
    readSettings,
    SHARED_CREDENTIALS_OUTPUT,
    sharedSecrets,
    stackTls,
} from "./components";

/** One stack is one host of the pair. Its settings are in Pulumi.<stack>.yaml, explained in Pulumi.yaml and docs/config.md. */
export = async () => {
    const { values, ...settings } = readSettings();

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
        otlpTokens: secrets.otlpTokens,
        // The other stack reads these; they are published as soon as they exist.
        ...(settings.credentialsStack ? {} : { [SHARED_CREDENTIALS_OUTPUT]: published(secrets) }),
    };
};
