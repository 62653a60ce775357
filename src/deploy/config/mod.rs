//! `config.yaml`: read, put over the defaults of the chart, held to its schema and its rules, and completed by what the image
//! says.

mod facts;
mod hints;
mod merge;
mod options;
mod places;
mod problem;
mod refused;
mod rules;
mod schema;
mod wording;

use serde_json::{Map, Value};

use self::merge::{make_whole, merged};
pub(super) use self::places::Places;
use self::places::{Path, Source, Step};
use self::problem::{At, Problem, first};
use super::{DeployError, Deployment, ImageFacts, Values};
use crate::flink::FlinkVersion;
use crate::flink::lines::default_release;
use crate::oci::Reference;
use crate::yaml::{documents, to_value};

/// The key at the top that says the same as `type` in `flink`.
const DOTTED_TYPE: &str = "flink.type";

/// What was said of a deployment: by a file, and by words that come before it.
///
/// ```
/// use flink_img::deploy::Config;
///
/// let config = Config::parse("config.yaml", "image: {repository: ghcr.io/acme/job, tag: 1.0.0}\n")?;
/// assert_eq!(config.image()?.unwrap().to_string(), "ghcr.io/acme/job:1.0.0");
///
/// let config = Config::parse("config.yaml", "# slots\ntaskManager: {slots: two}\n")?;
/// assert_eq!(
///     config.image().unwrap_err().to_string(),
///     "`config.yaml` line 2: `taskManager.slots` is a text, and must be a whole number of at least 1"
/// );
/// # Ok::<(), flink_img::deploy::DeployError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Config {
    /// No defaults are in it, and `flink.type` is nested.
    given: Map<String, Value>,
    places: Places,
}

impl Config {
    /// Nothing was said.
    pub fn empty() -> Self {
        Self {
            given: Map::new(),
            places: Places::default(),
        }
    }

    /// Reads the text of the file that is called `name` in messages.
    pub fn parse(name: &str, text: &str) -> Result<Self, DeployError> {
        let fail = |why: String| DeployError::Syntax {
            file: name.to_owned(),
            why,
        };
        let mut documents = documents(text).map_err(|error| fail(error.to_string()))?;
        if let Some(second) = documents.get(1) {
            let why = format!("line {} is of a second document", second.line);
            return Err(fail(why));
        }
        let root = documents.pop();
        let mut value = match &root {
            Some(root) => to_value(root).map_err(|error| fail(error.to_string()))?,
            None => Value::Null,
        };
        make_whole(&mut value);
        let given = match value {
            Value::Null => Map::new(),
            Value::Object(map) => map,
            _ => return Err(fail("it is no mapping of keys to values".to_owned())),
        };
        let places = Places::new(name, root);
        let mut config = Self { given, places };
        config.nest_type()?;
        Ok(config)
    }

    /// Says a value over what the file says; `source` is the flag or the variable, for messages.
    pub fn set(&mut self, key: &str, value: Value, source: &'static str) {
        self.places.put(key, Source::Word(source));
        self.insert(key, value);
    }

    /// Says the image over what the file says of it, with all that the file says of its tag and digest.
    pub fn set_image(&mut self, image: &Reference, source: &'static str) {
        let digest = image.digest().map(|digest| digest.to_string());
        self.set("image.repository", image.name().into(), source);
        self.set("image.tag", image.tag().unwrap_or_default().into(), source);
        self.set("image.digest", digest.unwrap_or_default().into(), source);
    }

    /// The image that was said, as far as one was.
    pub fn image(&self) -> Result<Option<Reference>, DeployError> {
        let merged = self.checked()?;
        let text = |key: &str| merged["image"][key].as_str().unwrap_or_default();
        let (repository, tag, digest) = (text("repository"), text("tag"), text("digest"));
        let fail = |key: &str, text: String, way_out: String| {
            let problem = Problem::of(key, text, way_out);
            first(vec![problem], &self.places).map(|()| None)
        };
        if repository.is_empty() {
            let beside = [("image.digest", digest), ("image.tag", tag)];
            let Some((key, _)) = beside.iter().find(|(_, text)| !text.is_empty()) else {
                return Ok(None);
            };
            let text = format!("`{key}` is of no use without `image.repository`");
            return fail(key, text, "say `image.repository`".to_owned());
        }
        if tag.is_empty() && digest.is_empty() {
            let text = format!("the image `{repository}` has neither a tag nor a digest");
            let way_out =
                format!("say `image.tag` or `image.digest`; with a flag, as `{repository}:TAG`");
            return fail("image.repository", text, way_out);
        }
        let mut name = repository.to_owned();
        for (sign, part) in [(':', tag), ('@', digest)] {
            if !part.is_empty() {
                name.push(sign);
                name.push_str(part);
            }
        }
        match name.parse() {
            Ok(image) => Ok(Some(image)),
            Err(error) => {
                let way_out = "write it as `registry.example.com/team/job`".to_owned();
                fail("image.repository", format!("{error}"), way_out)
            }
        }
    }

    /// Everything that decides what is rendered: what was said, completed by what the image says of itself.
    pub fn complete(
        mut self,
        image: &ImageFacts,
        namespace: Option<String>,
    ) -> Result<Deployment, DeployError> {
        let values = values(self.checked()?);
        let contradictions = facts::contradictions(&values, image, &self.places);
        first(contradictions, &self.places)?;
        facts::fill(&mut self, &values, image);
        // What an image says may be anything.
        let values = values_of(&self)?;
        let (flink, line) = version(&values.flink.version);
        let said = options::options(&values.flink.config);
        let name = rules::name(&values);
        let problems = rules::problems(
            &values,
            line,
            &said,
            &name,
            namespace.as_deref(),
            &self.places,
        );
        first(problems, &self.places)?;
        let deployment = Deployment {
            name,
            namespace,
            image: facts::image(&values),
            line,
            flink,
            warnings: rules::warnings(&values, &said, &self.given, &self.places),
            options: said.into_iter().map(|said| (said.key, said.text)).collect(),
            values,
            given: self.given,
            places: self.places,
        };
        first(rules::of_variables(&deployment), &deployment.places)?;
        Ok(deployment)
    }

    /// What was said, put over the defaults, if it holds to the schema.
    fn checked(&self) -> Result<Value, DeployError> {
        let merged = merged(&self.given);
        let given = Value::Object(self.given.clone());
        let problems = schema::problems(&merged, &given, &self.places);
        first(problems, &self.places)?;
        Ok(merged)
    }

    /// Says a value, without a place.
    fn insert(&mut self, key: &str, value: Value) {
        let mut map = &mut self.given;
        let mut parts: Vec<&str> = key.split('.').collect();
        let last = parts.pop().expect("a text has a part");
        for part in parts {
            let below = map.entry(part).or_insert_with(|| Value::Object(Map::new()));
            if !below.is_object() {
                *below = Value::Object(Map::new());
            }
            map = below.as_object_mut().expect("it was made one");
        }
        map.insert(last.to_owned(), value);
    }

    /// Moves the type of the cluster to where it is nested.
    fn nest_type(&mut self) -> Result<(), DeployError> {
        let Some(dotted) = self.given.remove(DOTTED_TYPE) else {
            return Ok(());
        };
        let flink = self.given.get("flink");
        if flink.is_some_and(|flink| !flink.is_object() && !flink.is_null()) {
            // The schema tells what is wrong with that.
            return Ok(());
        }
        if let Some(nested) = flink.and_then(|flink| flink.get("type"))
            && *nested != dotted
        {
            let dotted_path = Path(vec![Step::Key(DOTTED_TYPE.to_owned())]);
            let text = format!(
                "`{DOTTED_TYPE}` is {}, and nested it is {}",
                wording::got(&dotted, false),
                wording::got(nested, false)
            );
            let way_out = Some("say it once".to_owned());
            let problem = Problem::at(At::Value, dotted_path, text, way_out);
            return first(vec![problem], &self.places);
        }
        self.insert(DOTTED_TYPE, dotted);
        Ok(())
    }
}

fn values_of(config: &Config) -> Result<Values, DeployError> {
    Ok(values(config.checked()?))
}

/// Values that hold to the schema, as types.
fn values(mut merged: Value) -> Values {
    if let Value::Object(map) = &mut merged {
        // Helm's own.
        map.remove("global");
    }
    serde_json::from_value(merged).expect("the schema says what the types do")
}

/// The version of Flink, and the line whose rules hold. A text that names only a line means its first release.
fn version(text: &str) -> (Option<FlinkVersion>, (u16, u16)) {
    let version: Option<FlinkVersion> = text.parse().or_else(|_| format!("{text}.0").parse()).ok();
    let line = version
        .as_ref()
        .map_or_else(|| default_release().line(), FlinkVersion::line);
    (version, line)
}
