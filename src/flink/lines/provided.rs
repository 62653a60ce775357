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

const CORE: Provided = part(
    "flink-core",
    &["org/apache/flink/api/common/ExecutionConfig"],
);
const RUNTIME: Provided = part(
    "flink-runtime",
    &["org/apache/flink/runtime/taskexecutor/TaskExecutor"],
);
const CLIENTS: Provided = part(
    "flink-clients",
    &["org/apache/flink/client/program/PackagedProgram"],
);
const STREAMING: Provided = part(
    "flink-streaming-java",
    &["org/apache/flink/streaming/api/environment/StreamExecutionEnvironment"],
);
// Up to 1.20: the DataSet API went with 2.0. Who still has it brings another Flink than that of the image.
const JAVA: Provided = part(
    "flink-java",
    &["org/apache/flink/api/java/ExecutionEnvironment"],
);
const OPTIMIZER: Provided = part("flink-optimizer", &["org/apache/flink/optimizer/Optimizer"]);
// The package changed with 2.0.
const ROCKSDB: Provided = part(
    "flink-statebackend-rocksdb",
    &[
        "org/apache/flink/contrib/streaming/state/RocksDBKeyedStateBackend",
        "org/apache/flink/state/rocksdb/RocksDBKeyedStateBackend",
    ],
);
// In `flink-dist` up to 1.14; from then on a job may bring a Scala of its own.
const SCALA: Provided = part(
    "flink-scala",
    &["org/apache/flink/api/scala/ExecutionEnvironment"],
);
const STREAMING_SCALA: Provided = part(
    "flink-streaming-scala",
    &["org/apache/flink/streaming/api/scala/StreamExecutionEnvironment"],
);
// In `lib/` from 1.9 on; before, a job had to bring them.
const TABLE_API: Provided = part(
    "flink-table-api-java",
    &["org/apache/flink/table/api/TableEnvironment"],
);
const TABLE_PLANNER: Provided = part(
    "flink-table-planner",
    &["org/apache/flink/table/planner/delegation/StreamPlanner"],
);
// From 1.15 on the planner is hidden in the loader, whose factories have the names of those of the planner: with both on
// the class path each is found twice, and the Table API takes neither.
const HIDDEN_PLANNER: Provided = Provided {
    conflicts: true,
    ..TABLE_PLANNER
};
const PLANNER_LOADER: Provided = part(
    "flink-table-planner-loader",
    &["org/apache/flink/table/planner/loader/PlannerModule"],
);
// In `lib/` from 1.15 on.
const CEP: Provided = part("flink-cep", &["org/apache/flink/cep/CEP"]);
const TABLE_RUNTIME: Provided = part(
    "flink-table-runtime",
    &["org/apache/flink/table/runtime/generated/CompileUtils"],
);

pub(super) const PROVIDED_1_6: &[Provided] = &[
    CORE,
    RUNTIME,
    CLIENTS,
    STREAMING,
    JAVA,
    OPTIMIZER,
    ROCKSDB,
    SCALA,
    STREAMING_SCALA,
];
pub(super) const PROVIDED_1_9: &[Provided] = &[
    CORE,
    RUNTIME,
    CLIENTS,
    STREAMING,
    JAVA,
    OPTIMIZER,
    ROCKSDB,
    SCALA,
    STREAMING_SCALA,
    TABLE_API,
    TABLE_PLANNER,
    TABLE_RUNTIME,
];
pub(super) const PROVIDED_1_15: &[Provided] = &[
    CORE,
    RUNTIME,
    CLIENTS,
    STREAMING,
    JAVA,
    OPTIMIZER,
    ROCKSDB,
    TABLE_API,
    HIDDEN_PLANNER,
    PLANNER_LOADER,
    TABLE_RUNTIME,
    CEP,
];
