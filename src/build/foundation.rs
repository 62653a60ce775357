//! What an image stands on, for each platform: the base, and the packages that are put into it.

use super::bases::ChosenBase;
use super::content::{FoundPython, find_python};
use super::context::Fetcher;
use super::packages::{self, Packages};
use super::{BuildError, BuildRequest, Context};
use crate::base::{Base, BaseError, Java, Surroundings, UserFile};
use crate::flink::{FlinkVersion, JavaVersion, Known};
use crate::oci::Platform;

/// The base for one platform. Nothing else of the inputs differs between them.
#[derive(Debug)]
pub struct PlatformBase {
    /// The platform that was asked for.
    pub platform: Platform,
    /// What the image stands on. Its facts are those of the base with the packages.
    pub base: Base,
    /// What the base is called in a lock.
    pub locked_name: String,
    /// The Java in it.
    pub java: Java,
    /// What is put into the base, if anything is.
    pub packages: Option<Packages>,
    /// The Python in it, if jobs need one.
    pub python: Option<FoundPython>,
}

/// Who asks for a base: the request, and the Flink that will stand on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) request: &'a BuildRequest,
    pub(super) chosen: &'a ChosenBase,
    pub(super) version: &'a FlinkVersion,
    pub(super) line: Known,
}

/// Opens a base on this machine, and looks into it.
pub(super) fn open_local(
    request: &BuildRequest,
    chosen: &ChosenBase,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<Base>, BaseError> {
    chosen
        .open(&request.platforms, None, surroundings)?
        .into_iter()
        .map(|opened| opened.look_into(&request.java, surroundings))
        .collect()
}

impl Wish<'_> {
    /// What each image stands on. `local` are the bases, if they are on this machine.
    pub(super) fn resolve(
        self,
        local: Option<Vec<Base>>,
        fetcher: &Fetcher<'_>,
    ) -> Result<Vec<PlatformBase>, BuildError> {
        let request = self.request;
        let platforms = request.platforms.iter();
        if let Some(bases) = local {
            let furnished = platforms.zip(bases);
            return furnished
                .map(|(platform, base)| self.furnish(platform, base, fetcher))
                .collect();
        }
        let surroundings = fetcher.surroundings(request);
        let lock = request.lock.as_ref();
        let opened = self.chosen.open(&request.platforms, lock, &surroundings)?;
        let mut found = Vec::new();
        for (platform, opened) in platforms.zip(opened) {
            let known = packages::known(platform, &opened, request, fetcher);
            found.push(if let Some((base, packages)) = known {
                self.checked(platform, base, Some(packages), fetcher)?
            } else {
                let base = opened.look_into(&request.java, &surroundings)?;
                self.furnish(platform, base, fetcher)?
            });
        }
        Ok(found)
    }

    /// Checks bases on this machine as soon as that can be done: when nothing has to be fetched for them.
    pub(super) fn check_local(self, bases: &[Base], context: &Context) -> Result<(), BuildError> {
        for (platform, base) in self.request.platforms.iter().zip(bases) {
            if packages::wanted(base, self.request, self.chosen).is_empty() {
                let name = self.name(platform);
                check_base(
                    self.request,
                    (base, &name),
                    (self.version, self.line),
                    context,
                )?;
            }
        }
        Ok(())
    }

    /// Puts the packages into a base.
    fn furnish(
        self,
        platform: &Platform,
        base: Base,
        fetcher: &Fetcher<'_>,
    ) -> Result<PlatformBase, BuildError> {
        let wanted = packages::wanted(&base, self.request, self.chosen);
        if wanted.is_empty() {
            return self.checked(platform, base, None, fetcher);
        }
        let name = self.name(platform);
        let (base, packages) =
            packages::add(platform, (base, &name), &wanted, self.request, fetcher)?;
        self.checked(platform, base, Some(packages), fetcher)
    }

    fn checked(
        self,
        platform: &Platform,
        base: Base,
        packages: Option<Packages>,
        fetcher: &Fetcher<'_>,
    ) -> Result<PlatformBase, BuildError> {
        let named = (&base, &*self.name(platform));
        let flink = (self.version, self.line);
        Ok(PlatformBase {
            platform: platform.clone(),
            locked_name: self.chosen.locked_name(platform),
            java: check_base(self.request, named, flink, fetcher.context)?,
            python: find_python(self.request, platform, named, packages.as_ref(), fetcher)?,
            base,
            packages,
        })
    }

    /// What the base is called in messages: where there are several platforms, they tell which it is about.
    fn name(self, platform: &Platform) -> String {
        let source = &self.chosen.source;
        if self.request.platforms.are_several() {
            format!("{source}` for `{platform}")
        } else {
            source.to_string()
        }
    }
}

/// What Flink's scripts will need of the base.
fn check_base(
    request: &BuildRequest,
    (base, name): (&Base, &str),
    (version, line): (&FlinkVersion, Known),
    context: &Context,
) -> Result<Java, BuildError> {
    let java = base.facts.java.clone().ok_or_else(|| BuildError::NoJava {
        base: name.to_owned(),
        home: request.java.home.clone(),
    })?;
    if base.facts.has_flink {
        return Err(BuildError::BaseHasFlink {
            base: name.to_owned(),
        });
    }
    if !base.facts.missing.is_empty() {
        return Err(BuildError::MissingPrograms {
            base: name.to_owned(),
            programs: base.facts.missing.join("`, `"),
        });
    }
    let users = base.facts.users.iter();
    for (file, users) in
        users.flat_map(|users| [("passwd", &users.passwd), ("group", &users.group)])
    {
        if *users == UserFile::Special {
            context.reporter.warn(&format!(
                "`/etc/{file}` of the base `{name}` is a link or no plain text, so `flink` is not added to it"
            ));
        }
    }
    let found = java.version.as_deref().map(str::parse::<JavaVersion>);
    match found {
        Some(Ok(found)) => line.check_java(version, found)?,
        Some(Err(_)) | None => context.reporter.warn(&format!(
            "The base `{name}` does not tell which Java it has, so it is not known whether Flink {version} runs on it; \
             say it with `--java-version`"
        )),
    }
    Ok(java)
}
