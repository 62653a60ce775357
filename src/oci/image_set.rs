//! What a name leads to: one image, or an index of several (image-spec, `image-index.md`).

use super::{BlobSource, Descriptor, Digest, Image, Index, Layer, MediaType, Platform};

/// One image that stands alone, or an index and the images that it lists, one a platform.
///
/// Targets take it as a whole, and need not know which of the two it is.
#[derive(Debug, Clone)]
pub struct ImageSet {
    /// Never empty; in the order of the index.
    images: Vec<Image>,
    /// The index, as it is sent and stored; none around an image that stands alone.
    index: Option<Vec<u8>>,
}

impl From<Image> for ImageSet {
    fn from(image: Image) -> Self {
        Self {
            images: vec![image],
            index: None,
        }
    }
}

impl ImageSet {
    /// Puts an index around `images`, in their order. A single one stands alone: nobody asked for an index.
    ///
    /// # Panics
    ///
    /// When there is no image at all.
    pub fn new(images: Vec<(Platform, Image)>) -> Self {
        Self::annotated(images, &[])
    }

    /// The same, with annotations of the index, if there is one.
    ///
    /// # Panics
    ///
    /// When there is no image at all.
    pub fn annotated(images: Vec<(Platform, Image)>, annotations: &[(String, String)]) -> Self {
        assert!(!images.is_empty(), "a name leads to an image");
        let entry = |(platform, image): &(Platform, Image)| {
            let mut descriptor = image.descriptor();
            descriptor.platform = Some(platform.clone());
            descriptor
        };
        let mut index = Index::new(images.iter().map(entry).collect());
        index.annotations.extend(annotations.iter().cloned());
        let images: Vec<_> = images.into_iter().map(|(_, image)| image).collect();
        Self {
            index: (images.len() > 1).then(|| index.to_bytes()),
            images,
        }
    }

    /// An index that is there already, and the images that it lists, in its order.
    pub fn with_index(index: Vec<u8>, images: Vec<Image>) -> Self {
        Self {
            images,
            index: Some(index),
        }
    }

    /// The images, in the order of the index.
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// The images that are reached through the index, by their digests; none when one stands alone.
    pub fn members(&self) -> &[Image] {
        match self.index {
            Some(_) => &self.images,
            None => &[],
        }
    }

    /// What names are given to: the index, or the manifest of the image that stands alone.
    pub fn document(&self) -> (MediaType, &[u8]) {
        match &self.index {
            Some(index) => (MediaType::Index, index),
            None => (MediaType::Manifest, &self.images[0].manifest),
        }
    }

    /// The digest of that document: what a deployment is pinned by.
    pub fn digest(&self) -> Digest {
        Digest::of(self.document().1)
    }

    /// The descriptor of that document, as a layout lists it.
    pub fn descriptor(&self) -> Descriptor {
        let (media_type, bytes) = self.document();
        Descriptor::of(media_type, bytes)
    }

    /// The layers of all images; one that several have comes for each of them.
    pub fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.images.iter().flat_map(|image| &image.layers)
    }

    /// The same, to say where their bytes are.
    pub fn layers_mut(&mut self) -> impl Iterator<Item = &mut Layer> {
        self.images.iter_mut().flat_map(|image| &mut image.layers)
    }

    /// Configs, manifests and the index: nothing comes before what it speaks of.
    pub fn documents(&self) -> impl Iterator<Item = (Descriptor, &[u8])> {
        let of_image = |image| {
            let Image {
                manifest, config, ..
            }: &Image = image;
            [
                (MediaType::Config, &config[..]),
                (MediaType::Manifest, &manifest[..]),
            ]
        };
        let index = self.index.as_deref();
        self.images
            .iter()
            .flat_map(of_image)
            .chain(index.map(|index| (MediaType::Index, index)))
            .map(|(media_type, bytes)| (Descriptor::of(media_type, bytes), bytes))
    }

    /// Everything that is stored of it, with the places of the bytes: first the layers.
    pub fn blobs(&self) -> impl Iterator<Item = (Descriptor, BlobSource)> {
        let layers = self
            .layers()
            .map(|layer| (layer.descriptor.clone(), layer.source.clone()));
        let documents = self
            .documents()
            .map(|(descriptor, bytes)| (descriptor, BlobSource::Bytes(bytes.into())));
        layers.chain(documents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{Config, Document};

    fn image(platform: &str) -> (Platform, Image) {
        let platform: Platform = platform.parse().unwrap();
        let image = Image::new(&Config::empty(&platform), vec![], &[]);
        (platform, image)
    }

    #[test]
    fn one_image_stands_alone() {
        let (platform, one) = image("linux/amd64");
        for set in [
            ImageSet::from(one.clone()),
            ImageSet::new(vec![(platform, one.clone())]),
        ] {
            assert_eq!(set.digest(), one.digest());
            assert_eq!(set.descriptor().media_type, MediaType::Manifest);
            assert!(set.members().is_empty());
            assert_eq!(set.documents().count(), 2);
        }
    }

    #[test]
    fn an_index_lists_each_image_with_its_platform() {
        let images = vec![image("linux/amd64"), image("linux/arm/v7")];
        let set = ImageSet::new(images.clone());
        let (media_type, bytes) = set.document();
        assert_eq!(media_type, MediaType::Index);
        let Document::Index(index) = Document::parse(bytes, None).unwrap() else {
            panic!("not an index")
        };
        for (platform, image) in &images {
            let found = index.for_platform(platform).unwrap();
            assert_eq!(found.digest, image.digest());
            assert_eq!(found.platform.as_ref(), Some(platform));
        }
        assert_eq!(set.members().len(), 2);
        let last = set.documents().last().unwrap();
        assert_eq!(last.0.digest, set.digest());
    }
}
