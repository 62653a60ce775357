//! What is taken for a secret, and what is not.

use super::*;
use Place::{Annotation, Configuration, Environment, Label};

const SECRET: &str = "hunter2-not-to-be-told";

fn codes(place: Place, key: &str, value: &str) -> Vec<Code> {
    let setting = Setting {
        place,
        key: key.to_owned(),
        value: value.to_owned(),
    };
    assert!(!format!("{setting:?}").contains(SECRET));
    let found = secrets(&[setting]);
    for finding in &found {
        let told = format!("{finding:?}");
        assert!(!told.contains(SECRET) && !told.contains("AKIA"), "{told}");
    }
    found.into_iter().map(|finding| finding.code).collect()
}

#[test]
fn secrets_are_known_by_their_names() {
    for (place, key) in [
        (Environment, "DB_PASSWORD"),
        (Environment, "dbPassword"),
        (Environment, "API_KEY"),
        (Environment, "SSH_PRIVATE_KEY"),
        (Environment, "SLACK_TOKEN"),
        (Configuration, "s3.secret-key"),
        (
            Configuration,
            "fs.azure.account.key.acme.blob.core.windows.net",
        ),
        (Configuration, "security.ssl.internal.keystore-password"),
        (Configuration, "metrics.reporter.dghttp.apikey"),
        (Configuration, "pulsar.client.authParams.auth-params"),
        (Label, "com.acme.db.password"),
        (Annotation, "com.acme.token"),
    ] {
        assert_eq!(codes(place, key, SECRET), [Code::SecretName], "{key}");
    }
    for key in ["AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "GITHUB_TOKEN"] {
        assert_eq!(
            codes(Environment, key, SECRET),
            [Code::SecretValue],
            "{key}"
        );
    }
}

#[test]
fn a_property_of_java_is_a_secret_as_a_setting_is() {
    for (place, key) in [
        (Configuration, "env.java.opts.all"),
        (Environment, "FLINK_ENV_JAVA_OPTS"),
    ] {
        let value = format!("-Xmx1g -Djavax.net.ssl.keyStorePassword={SECRET} -Da=b");
        assert_eq!(codes(place, key, &value), [Code::SecretName], "{key}");
        for value in [
            "-Djavax.net.ssl.keyStorePassword=${PASSWORD} -Da=b",
            "-Dcom.sun.management.jmxremote.password.file=/run/secrets/jmx",
            "-Da=b --add-opens=java.base/java.lang=ALL-UNNAMED",
        ] {
            assert_eq!(codes(place, key, value), [], "{value}");
        }
    }
}

#[test]
fn what_is_a_secret_within_a_value_is_told_by_its_name() {
    for (place, key, value, expected) in [
        (
            Environment,
            "JAVA_OPTS",
            "-Xmx1g -Dpassword=hunter2-not-to-be-told",
            Some("The variable `JAVA_OPTS` has `password` in its value, "),
        ),
        (
            Environment,
            "JAVA_OPTS",
            "'-Ddb.password=;,&hunter2-not-to-be-told'",
            Some("The variable `JAVA_OPTS` has `db.password` in its value, "),
        ),
        // What Flink hides, where it is Flink that is set.
        (
            Configuration,
            "env.java.opts.all",
            "-Dkafka.jaas.config=hunter2-not-to-be-told",
            Some("The setting of Flink `env.java.opts.all` has `kafka.jaas.config` in its value, "),
        ),
        (
            Label,
            "opts",
            "-Dkafka.jaas.config=hunter2-not-to-be-told",
            None,
        ),
    ] {
        let setting = Setting {
            place,
            key: key.to_owned(),
            value: value.to_owned(),
        };
        let found = secrets(&[setting]);
        let told = found.first().map(|finding| &*finding.message);
        assert_eq!(told.is_some(), expected.is_some(), "{value}");
        let starts = told.zip(expected);
        assert!(
            starts.is_none_or(|(told, start)| told.starts_with(start)),
            "{told:?}"
        );
    }
}

#[test]
fn secrets_are_known_by_their_values() {
    for value in [
        "AKIAIOSFODNN7EXAMPLE",
        "key=AKIAIOSFODNN7EXAMPLE,other",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
        "jdbc:postgresql://app:hunter2-not-to-be-told@db/orders",
        "see https://ada:hunter2-not-to-be-told@example.com/x",
        "ghp_0123456789012345678901234567890123456",
        "glpat-01234567890123456789",
    ] {
        for place in [Environment, Configuration, Label, Annotation] {
            assert_eq!(codes(place, "note", value), [Code::SecretValue], "{value}");
        }
    }
}

#[test]
fn secrets_are_known_by_their_names_within_a_value() {
    for value in [
        "-Djavax.net.ssl.trustStorePassword=hunter2-not-to-be-told",
        "-Xmx1g -Djavax.net.ssl.keyStorePassword=hunter2-not-to-be-told -Dx=y",
        "jdbc:mysql://h/db?user=u&password=hunter2-not-to-be-told",
        "jdbc:sqlserver://h;user=u;password=hunter2-not-to-be-told;x=y",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=hunter2-not-to-be-told==",
        "org.acme.LoginModule required username=\"u\" password=\"hunter2-not-to-be-told\";",
        "ä password = hunter2-not-to-be-told",
    ] {
        for place in [Environment, Configuration, Label, Annotation] {
            assert_eq!(codes(place, "note", value), [Code::SecretName], "{value}");
        }
    }
    for value in [
        "-Djavax.net.ssl.trustStorePassword=${PASSWORD} -Dx=hunter2-not-to-be-told",
        "jdbc:mysql://h/db?user=u&password=",
        "password=\"\" x=y",
        "-Djavax.net.ssl.trustStore=/x -Ddb.password.file=/run/secrets/db",
        "-Dtokens.max=4096 -Dpassword.required=true",
        "x=1&pageToken=5",
        "=",
    ] {
        assert_eq!(codes(Environment, "note", value), [], "{value}");
    }
}

#[test]
fn what_is_none_is_not_taken_for_one() {
    for (place, key, value) in [
        // Nothing, or filled in later.
        (Environment, "DB_PASSWORD", ""),
        (Environment, "DB_PASSWORD", "${DB_PASSWORD}"),
        (Environment, "DB_PASSWORD", "$DB_PASSWORD"),
        (Environment, "DB_PASSWORD", "********"),
        (Configuration, "s3.secret-key", "\"${S3_SECRET}\""),
        (Environment, "AWS_SECRET_ACCESS_KEY", "<from-vault>"),
        // Where it is, and not what it is.
        (Environment, "DB_PASSWORD_FILE", "/run/secrets/db"),
        (Configuration, "security.kerberos.login.keytab", "/x"),
        (
            Configuration,
            "fs.s3a.aws.credentials.provider",
            "com.acme.Provider",
        ),
        // About secrets, or with their letters.
        (Configuration, "security.delegation.tokens.enabled", "false"),
        (
            Configuration,
            "security.delegation.tokens.renewal.retry.backoff",
            "1 h",
        ),
        (
            Configuration,
            "security.delegation.tokens.renewal.time-ratio",
            "0.75",
        ),
        (Environment, "TOKENIZER", "bert"),
        (Environment, "MAX_TOKENS", "4096"),
        (Environment, "AWS_ACCESS_KEY_ID", "somebody"),
        (Environment, "KEY", "value"),
        (
            Label,
            "org.opencontainers.image.source",
            "https://github.com/acme/job",
        ),
        (Environment, "KAFKA", "kafka://broker:9092"),
        (Environment, "URL", "https://app:${PASSWORD}@db/x"),
        (Environment, "URL", "https://app@db/x"),
        (Annotation, "time", "2026-01-01T10:00:00Z"),
    ] {
        assert_eq!(codes(place, key, value), [], "{key}={value}");
    }
}

#[test]
fn the_lines_of_flink_properties_are_settings_of_flink() {
    let lines = format!(
        "# s3.secret-key: no\nparallelism.default: 2\n s3.secret-key: {SECRET}\ns3.endpoint: http://x\n"
    );
    let setting = Setting {
        place: Environment,
        key: PROPERTIES.to_owned(),
        value: lines,
    };
    let found = secrets(&[setting]);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].message,
        "The setting `s3.secret-key` in the variable `FLINK_PROPERTIES` looks like a secret by its name, and everybody \
         who may pull the image can read it"
    );
}
