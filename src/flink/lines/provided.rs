//! What of Flink is in the distribution of each line, and so must not be in a jar of a job.
//!
//! Such dependencies have the scope `provided`. Connectors and formats are not here: they belong into the jar.

/// A part of Flink that every distribution of a line has on its class path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provided {
    /// Its Maven artifact, without the suffix for Scala.
    pub artifact: &'static str,
    /// Classes of which it has one, and nobody else has any.
    pub classes: &'static [&'static str],
    /// Whether a job that brings it as well does not start.
    pub conflicts: bool,
}

const fn part(artifact: &'static str, classes: &'static [&'static str]) -> Provided {
    Provided {
        artifact,
        classes,
        conflicts: false,
    }
}

/// In all lines. The package of the state backend changed with 2.0, and the DataSet API went with it: who still has that
/// brings another Flink than that of the image.
const ALWAYS: &[Provided] = &[
    part(
        "flink-core",
        &["org/apache/flink/api/common/ExecutionConfig"],
    ),
    part(
        "flink-runtime",
        &["org/apache/flink/runtime/taskexecutor/TaskExecutor"],
    ),
    part(
        "flink-clients",
        &["org/apache/flink/client/program/PackagedProgram"],
    ),
    part(
        "flink-streaming-java",
        &["org/apache/flink/streaming/api/environment/StreamExecutionEnvironment"],
    ),
    part(
        "flink-java",
        &["org/apache/flink/api/java/ExecutionEnvironment"],
    ),
    part("flink-optimizer", &["org/apache/flink/optimizer/Optimizer"]),
    part(
        "flink-statebackend-rocksdb",
        &[
            "org/apache/flink/contrib/streaming/state/RocksDBKeyedStateBackend",
            "org/apache/flink/state/rocksdb/RocksDBKeyedStateBackend",
        ],
    ),
];
/// In `flink-dist` up to 1.14; from then on a job may bring a Scala of its own.
const SCALA: &[Provided] = &[
    part(
        "flink-scala",
        &["org/apache/flink/api/scala/ExecutionEnvironment"],
    ),
    part(
        "flink-streaming-scala",
        &["org/apache/flink/streaming/api/scala/StreamExecutionEnvironment"],
    ),
];
/// In `lib/` from 1.9 on; before, a job had to bring them.
const TABLE: &[Provided] = &[
    part(
        "flink-table-api-java",
        &["org/apache/flink/table/api/TableEnvironment"],
    ),
    part(
        "flink-table-runtime",
        &["org/apache/flink/table/runtime/generated/CompileUtils"],
    ),
];
/// In `lib/` up to 1.14.
const PLANNER: Provided = part(
    "flink-table-planner",
    &["org/apache/flink/table/planner/delegation/StreamPlanner"],
);
/// In `lib/` from 1.15 on. There the planner is hidden in the loader, whose factories have the names of those of the planner:
/// with both on the class path each is found twice, and the Table API takes neither.
const LOADER: &[Provided] = &[
    Provided {
        conflicts: true,
        ..PLANNER
    },
    part(
        "flink-table-planner-loader",
        &["org/apache/flink/table/planner/loader/PlannerModule"],
    ),
    part("flink-cep", &["org/apache/flink/cep/CEP"]),
];

pub(super) const PROVIDED_1_6: &[&[Provided]] = &[ALWAYS, SCALA];
pub(super) const PROVIDED_1_9: &[&[Provided]] = &[ALWAYS, SCALA, TABLE, &[PLANNER]];
pub(super) const PROVIDED_1_15: &[&[Provided]] = &[ALWAYS, TABLE, LOADER];
