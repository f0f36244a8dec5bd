/*
 * table.h - a row for each setting
 *
 * X(name, kind, member, fallback, min, max, choices, help)
 *   name      as in the file, sections joined with dots
 *   kind      TEXT    const char *; min and max are its length in bytes
 *             PATH    const char *; made absolute
 *             ADDRESS const char *; an IPv4 or IPv6 address
 *             URL     const char *; http or https, without a query
 *             WHOLE   int from min to max
 *             COUNT   the same, or "auto", which is stored as 0
 *             FLAG    bool
 *             CHOICE  an enum; choices are its texts in order, split by |
 *             DIGITS  const char *; exactly max digits
 *             WORD    const char *; letters, digits, - and _ alone
 *             CODE    const char *; what AWS allows in a product code
 *   fallback  the value when the file has none, as the file would say it;
 *             NULL: the member stays NULL or tg_settings_parse works it out
 *   help      a sentence or two for docs/reference/settings.md
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_SETTINGS_TABLE_H
#define TG_SETTINGS_TABLE_H

/* sockaddr_un holds 107 bytes; /run/operator.sock.new is 22 long. */
#define TG_STATE_DIR_MAX 85

#define TG_SETTINGS_TABLE(X)                                                  \
    X("state_dir", PATH, state_dir, "/var/lib/tallygate", 1,                  \
        TG_STATE_DIR_MAX, NULL,                                               \
        "The folder that holds everything tallygate knows: the mapped files"  \
        " that the gateway counts in, the store, sockets and logs.")          \
    X("account_id", DIGITS, account_id, "123456789012", 12, 12, NULL,         \
        "The AWS account number that the admin API answers with.")            \
    X("region", WORD, region, "us-east-1", 1, 32, NULL,                       \
        "The AWS region that the admin API answers with.")                    \
    X("user", WORD, user, NULL, 1, 32, NULL,                                  \
        "The user of nginx's workers, when root starts them. Default: the"    \
        " owner of the state directory.")                                     \
    X("group", WORD, group, NULL, 1, 32, NULL,                                \
        "The group of nginx's workers. Default: the group of that user.")     \
    X("master_key_file", PATH, master_key_file, NULL, 1, 4095, NULL,          \
        "The file with the key (64 hex digits) that encrypts API keys in the" \
        " store; made at the first start. The environment variable"           \
        " TALLYGATE_MASTER_KEY goes before it (docs/reference/access.md)."    \
        " Default: private/master.key in the state directory.")               \
    X("gateway.address", ADDRESS, gateway.address, "0.0.0.0", 1, 45, NULL,    \
        "The address on which buyers' calls arrive.")                         \
    X("gateway.port", WHOLE, gateway.port, "8080", 1, 65535, NULL,            \
        "The port on which buyers' calls arrive.")                            \
    X("gateway.url", URL, gateway.url, NULL, 1, 1024, NULL,                   \
        "Where buyers' programs find the gateway, as the portal shows it."    \
        " Default: the host of portal.url with gateway.port, over HTTPS when" \
        " there is a certificate.")                                           \
    X("gateway.workers", COUNT, gateway.workers, "auto", 1, 128, NULL,        \
        "How many workers nginx runs; auto is one a processor.")              \
    X("gateway.worker_connections", WHOLE, gateway.worker_connections,        \
        "4096", 64, 1000000, NULL,                                            \
        "How many connections one worker holds at most, those to backends"    \
        " included.")                                                         \
    X("gateway.account_rate", WHOLE, gateway.account_rate, "10000", 1,        \
        1000000000, NULL,                                                     \
        "Requests a second that all APIs together may admit.")                \
    X("gateway.account_burst", WHOLE, gateway.account_burst, "5000", 1,       \
        1000000000, NULL,                                                     \
        "Requests that all APIs together may admit at once.")                 \
    X("gateway.tls_certificate", PATH, gateway.tls_certificate, NULL, 1,      \
        4095, NULL,                                                           \
        "The gateway's certificate and its chain, PEM. With one the"          \
        " gateway's port speaks TLS, with HTTP/2 and HTTP/1.1; without"       \
        " one it speaks HTTP/1.1. A changed file is taken over at once.")     \
    X("gateway.tls_key", PATH, gateway.tls_key, NULL, 1, 4095, NULL,          \
        "The key of that certificate, PEM, without a pass phrase.")           \
    X("gateway.tls_folder", PATH, gateway.tls_folder, NULL, 1, 4095, NULL,    \
        "A folder with certificates of more names: NAME.crt with its"         \
        " chain, NAME.key beside it, PEM. A client that asks for one of a"    \
        " certificate's DNS names gets that one. Files may be added,"         \
        " changed and removed at any time.")                                  \
    X("gateway.tls_minimum", CHOICE, gateway.tls_minimum, "1.2", 0, 0,        \
        "1.2|1.3",                                                            \
        "The oldest version of TLS that gateway and portal speak.")           \
    X("gateway.body_max_bytes", WHOLE, gateway.body_max_bytes, "10485760",    \
        1, 1073741824, NULL,                                                  \
        "The longest body of a call; a longer one is answered with 413.")     \
    X("gateway.answer_max_bytes", WHOLE, gateway.answer_max_bytes, "0", 0,    \
        1073741824, NULL,                                                     \
        "The longest body of a backend's answer; 0 is no limit. A longer one" \
        " is a 500 where its length is known, and else ends the connection."  \
        " Amazon's limit is 10485760.")                                       \
    X("gateway.integration_timeout_max_ms", WHOLE,                            \
        gateway.integration_timeout_max_ms, "29000", 29000, 900000, NULL,     \
        "The longest timeoutInMillis that an integration may have.")          \
    X("gateway.reload_grace_s", WHOLE, gateway.reload_grace_s, "60", 0, 310,  \
        NULL,                                                                 \
        "How long connections of clients that send nothing are kept when"     \
        " nginx reloads, in seconds. A call that comes meanwhile is served"   \
        " and its answer ends the connection, so that no client loses one.")  \
    X("portal.address", ADDRESS, portal.address, "0.0.0.0", 1, 45, NULL,      \
        "The address of the portal, where buyers register.")                  \
    X("portal.port", WHOLE, portal.port, "8081", 1, 65535, NULL,              \
        "The port of the portal.")                                            \
    X("portal.url", URL, portal.url, NULL, 1, 1024, NULL,                     \
        "Where buyers' browsers find the portal. Default: localhost with the" \
        " port, over HTTPS when there is a certificate.")                     \
    X("portal.support_contact", TEXT, portal.support_contact, NULL, 1, 200,   \
        NULL, "An e-mail address or URL that the portal's pages show to"      \
        " buyers who need help.")                                             \
    X("portal.tls_certificate", PATH, portal.tls_certificate, NULL, 1, 4095,  \
        NULL, "The portal's certificate and its chain, PEM. Without one the"  \
        " portal speaks HTTP.")                                               \
    X("portal.tls_key", PATH, portal.tls_key, NULL, 1, 4095, NULL,            \
        "The key of that certificate, PEM.")                                  \
    X("admin.address", ADDRESS, admin.address, "127.0.0.1", 1, 45, NULL,      \
        "The address of the admin API, /healthz and /metrics.")               \
    X("admin.port", WHOLE, admin.port, "8082", 1, 65535, NULL,                \
        "The port of the admin API.")                                         \
    X("admin.ready_file", PATH, admin.ready_file, NULL, 1, 4095, NULL,        \
        "/healthz answers 503 as long as this file does not exist.")          \
    X("nginx.binary", PATH, nginx.binary, "/usr/sbin/nginx", 1, 4095, NULL,   \
        "The nginx that serves everything.")                                  \
    X("nginx.module", PATH, nginx.module, NULL, 1, 4095, NULL,                \
        "tallygate's module for that nginx. Default: the one that was built"  \
        " with this program, else"                                            \
        " /usr/lib/nginx/modules/ngx_http_tallygate_module.so.")              \
    X("nginx.journal", PATH, nginx.journal, NULL, 1, 4095, NULL,              \
        "A file in which a module built with -Djournal=true also notes every" \
        " finished call, for tests that kill processes.")                     \
    X("quota.week_start", CHOICE, quota.week_start, "monday", 0, 0,           \
        "monday|sunday", "The day on which a WEEK of a quota begins, at"      \
        " 00:00 UTC.")                                                        \
    X("quota.offset_mode", CHOICE, quota.offset_mode, "requests", 0, 0,       \
        "requests|days", "What the offset of a usage plan's quota means:"     \
        " requests taken off the first period's limit, or days by which"      \
        " periods start later.")                                              \
    X("headers.strict", FLAG, headers.strict, "false", 0, 0, NULL,            \
        "Headers exactly as Amazon passes and renames them: no"               \
        " X-Forwarded-For, -Port and -Proto, no upgrades.")                   \
    X("headers.strip_api_key", FLAG, headers.strip_api_key, "false", 0, 0,    \
        NULL, "Keeps x-api-key from the backend.")                            \
    X("backends.trust_store", PATH, backends.trust_store, NULL, 1, 4095,      \
        NULL,                                                                 \
        "The certificates, PEM, that backends are verified with. Default:"    \
        " the system's.")                                                     \
    X("backends.connect_timeout_ms", WHOLE, backends.connect_timeout_ms,      \
        "5000", 50, 60000, NULL,                                              \
        "How long a connection to one address of a backend, TLS included,"    \
        " may take to come about before the next address is tried.")          \
    X("backends.read_timeout_s", WHOLE, backends.read_timeout_s, "60", 1,     \
        3600, NULL,                                                           \
        "How long a backend may be silent in the middle of its answer,"       \
        " and how long an idle connection to it is kept.")                    \
    X("backends.idle_connections", WHOLE, backends.idle_connections, "256",   \
        0, 65535, NULL,                                                       \
        "How many idle connections to backends one worker keeps.")            \
    X("backends.max_fails", WHOLE, backends.max_fails, "3", 0, 1000, NULL,    \
        "After so many failures in a row an address is passed over for a"     \
        " while by the worker that saw them, as long as its backend has"      \
        " another one; 0 never.")                                             \
    X("backends.fail_timeout_s", WHOLE, backends.fail_timeout_s, "10", 1,     \
        3600, NULL,                                                           \
        "How long an address with failures is passed over.")                  \
    X("backends.check_interval_s", WHOLE, backends.check_interval_s, "5",     \
        0, 3600, NULL,                                                        \
        "How often the daemon tries whether each address of a backend"        \
        " that has several takes connections; 0 never. One that does not"     \
        " gets no calls as long as another does.")                            \
    X("backends.check_timeout_ms", WHOLE, backends.check_timeout_ms,          \
        "2000", 50, 60000, NULL,                                              \
        "How long such a connection may take to come about.")                 \
    X("backends.resolve_interval_s", WHOLE, backends.resolve_interval_s,      \
        "5", 1, 3600, NULL,                                                   \
        "How often the names of backends are looked up again.")               \
    X("store.path", PATH, store.path, NULL, 1, 4095, NULL,                    \
        "The SQLite database. Default: private/tallygate.db in the state"     \
        " directory.")                                                        \
    X("marketplace.region", WORD, marketplace.region, "us-east-1", 1, 32,     \
        NULL, "The region whose metering endpoint is called and signed for.") \
    X("marketplace.metering_endpoint", URL, marketplace.metering_endpoint,    \
        NULL, 1, 1024, NULL,                                                  \
        "Where ResolveCustomer and BatchMeterUsage are sent. Default: what"   \
        " AWS_ENDPOINT_URL_MARKETPLACE_METERING and its like say, else AWS's" \
        " endpoint of the region.")                                           \
    X("marketplace.credentials_file", PATH, marketplace.credentials_file,     \
        NULL, 1, 4095, NULL,                                                  \
        "A shared credentials or config file with the seller's keys or role;" \
        " then no other source is looked at. Default: what AWS SDKs find.")   \
    X("marketplace.profile", TEXT, marketplace.profile, NULL, 1, 128, NULL,   \
        "The profile in it, or in AWS's shared files. Default: what AWS SDKs" \
        " would choose.")                                                     \
    X("marketplace.role", TEXT, marketplace.role, NULL, 1, 2048, NULL,        \
        "The role that meters: its ARN, or an account's number for"           \
        " ApiGatewayMarketplaceMeteringRole there. Default: none is assumed,"  \
        " the credentials themselves sign.")                                  \
    X("marketplace.external_id", TEXT, marketplace.external_id, NULL, 2,      \
        1224, NULL, "The external id that the role's trust policy asks for.") \
    X("marketplace.account_rate", WHOLE, marketplace.account_rate, "10", 0,   \
        100000, NULL, "BatchMeterUsage requests a second at most: AWS allows" \
        " 10 an account and region. 0 lifts the limit; only the sandbox"      \
        " stands that, when sandbox.account_rate is lifted as well.")         \
    X("marketplace.requests_in_flight", WHOLE,                                \
        marketplace.requests_in_flight, "8", 1, 64, NULL,                     \
        "How many metering requests may wait for their answers at a time.")   \
    X("marketplace.timeout_s", WHOLE, marketplace.timeout_s, "30", 1, 60,     \
        NULL, "How many seconds one of them may take; what has no answer by"  \
        " then is asked for again.")                                          \
    X("billing.heartbeat", FLAG, billing.heartbeat, "true", 0, 0, NULL,       \
        "A record with quantity 0 for every active agreement that had no"     \
        " usage in an hour.")                                                 \
    X("billing.grace_s", WHOLE, billing.grace_s, "2", 0, 3000, NULL,          \
        "How many seconds after its end an hour is sealed and reported.")     \
    X("limits.api_keys", WHOLE, limits.api_keys, "10000000", 0, 100000000,    \
        NULL,                                                                 \
        "How many API keys there may be; 0: any number, here and in"          \
        " all limits but plans_per_key. Amazon: 10000.")                      \
    X("limits.usage_plans", WHOLE, limits.usage_plans, "3000", 0, 1000000,    \
        NULL,                                                                 \
        "How many usage plans. Amazon: 300.")                                 \
    X("limits.plans_per_key", WHOLE, limits.plans_per_key, "10", 1, 10,       \
        NULL,                                                                 \
        "In how many usage plans one key may be. Amazon: 10, and"             \
        " more do not fit into a key's entry.")                               \
    X("limits.method_throttles", WHOLE, limits.method_throttles, "20", 0, 10000,\
        NULL,                                                                 \
        "How many methods of a stage a usage plan may throttle by"            \
        " themselves. Amazon: 20.")                                           \
    X("limits.rest_apis", WHOLE, limits.rest_apis, "6000", 0, 1000000,        \
        NULL,                                                                 \
        "How many REST APIs. Amazon: 600 regional ones.")                     \
    X("limits.domain_names", WHOLE, limits.domain_names, "1200", 0, 100000,   \
        NULL,                                                                 \
        "How many custom domain names. Amazon: 120.")                         \
    X("limits.resources", WHOLE, limits.resources, "300", 0, 100000,          \
        NULL,                                                                 \
        "How many resources an API may have below its root. Amazon:"          \
        " 300.")                                                              \
    X("limits.stages", WHOLE, limits.stages, "10", 0, 10000,                  \
        NULL,                                                                 \
        "How many stages of an API. Amazon: 10.")                             \
    X("limits.authorizers", WHOLE, limits.authorizers, "10", 0, 10000,        \
        NULL,                                                                 \
        "How many authorizers of an API. Amazon: 10.")                        \
    X("limits.models", WHOLE, limits.models, "60", 0, 10000,                  \
        NULL,                                                                 \
        "How many models of an API. Amazon: 60.")                             \
    X("limits.documentation_parts", WHOLE, limits.documentation_parts, "2000", 0, 100000,\
        NULL,                                                                 \
        "How many documentation parts of an API. Amazon: 2000.")              \
    X("sandbox.address", ADDRESS, sandbox.address, "127.0.0.1", 1, 45, NULL,  \
        "The address of `tallygate sandbox`.")                                \
    X("sandbox.port", WHOLE, sandbox.port, "8090", 1, 65535, NULL,            \
        "The port of `tallygate sandbox`.")                                   \
    X("sandbox.account_rate", WHOLE, sandbox.account_rate, "10", 0, 100000,   \
        NULL, "BatchMeterUsage requests a second that the sandbox takes"      \
        " before it answers ThrottlingException; 0: any number.")             \
    X("example.port", WHOLE, example.port, "8091", 1, 65535, NULL,            \
        "The port of the example backend that `script/server` runs.")         \
    X("log.level", CHOICE, log.level, "info", 0, 0,                           \
        "error|warn|notice|info|debug", "Lines of less weight are not"        \
        " logged.")

/* The members of one item of `products`, a list. */
#define TG_PRODUCT_TABLE(X)                                                   \
    X("code", CODE, code, NULL, 1, 255, NULL,                                 \
        "The product code that AWS Marketplace gave to the product.")         \
    X("name", TEXT, name, NULL, 1, 200, NULL,                                 \
        "What the portal calls the product. Default: its code.")              \
    X("model", CHOICE, model, "subscription", 0, 0,                           \
        "subscription|contract|contract-with-consumption",                    \
        "The pricing model of the listing. A pure contract is never metered.")

/* Settings that an environment variable overrides. */
#define TG_ENVIRONMENT_TABLE(X)                                               \
    X("TALLYGATE_GATEWAY_PORT", "gateway.port")                               \
    X("TALLYGATE_PORTAL_PORT", "portal.port")                                 \
    X("TALLYGATE_ADMIN_PORT", "admin.port")                                   \
    X("TALLYGATE_SANDBOX_PORT", "sandbox.port")                               \
    X("TALLYGATE_EXAMPLE_PORT", "example.port")

#define TG_DIMENSION_DEFAULT "apigateway"
enum {
    TG_PRODUCTS_MAX = 1000,
    TG_DIMENSIONS_MAX = 200, /* a product */
};

#endif
