use std::collections::BTreeMap;

use crate::{EntityRef, Kind, Named, Origin, entity::*, kind::kinds};

macro_rules! define_workspace {
    (
        Workspace { $($_settings:tt)* }
        $($kind:ident {
            about: $about:literal,
            entity: $entity:ident,
            metadata: $metadata:ident,
            spec: $required:ident $spec:ident,
            field: $field:ident,
            $($_:tt)*
        })*
    ) => {
        /// All entities of a workspace, by kind and logical name.
        #[derive(Clone, Debug)]
        pub struct Workspace {
            /// The entity of kind `Workspace`: stages, clusters, profiles, defaults.
            pub settings: WorkspaceEntity,
            /// The paths of the files, by [`weir_findings::FileId`]; empty unless the entities were read from files.
            pub paths: Vec<String>,
            $(
                #[doc = concat!("The entities of kind `", stringify!($kind), "`, by name.")]
                pub $field: BTreeMap<String, $entity>,
            )*
        }

        impl Workspace {
            /// Returns a workspace with nothing but its settings.
            pub fn new(settings: WorkspaceEntity) -> Self {
                Self { settings, paths: Vec::new(), $($field: BTreeMap::new(),)* }
            }

            /// Returns the names of the entities of a kind, sorted.
            pub fn names(&self, kind: Kind) -> Box<dyn ExactSizeIterator<Item = &str> + '_> {
                match kind {
                    Kind::Workspace => Box::new(std::iter::once(self.settings.metadata.name.as_str())),
                    $(Kind::$kind => Box::new(self.$field.keys().map(String::as_str)),)*
                }
            }

            fn entity(&self, entity: &EntityRef) -> Option<(&dyn Named, Origin)> {
                let name = &entity.name;
                match entity.kind {
                    Kind::Workspace => Some((&self.settings.metadata, self.settings.origin)),
                    $(Kind::$kind => self.$field.get(name).map(|e| (&e.metadata as &dyn Named, e.origin)),)*
                }
            }
        }
    };
}

kinds!(define_workspace);

impl Workspace {
    /// Returns all entities, by kind and name.
    pub fn entities(&self) -> impl Iterator<Item = EntityRef> {
        Kind::ALL.into_iter().flat_map(|kind| self.names(kind).map(move |name| EntityRef::new(kind, name)))
    }

    /// Returns the place where an entity was read from.
    pub fn origin(&self, entity: &EntityRef) -> Option<Origin> {
        self.entity(entity).map(|(_, origin)| origin)
    }

    /// Returns the path of the file that an entity was read from; `None` if it was not read from a file.
    pub fn path(&self, origin: Origin) -> Option<&str> {
        self.paths.get(origin.file.0 as usize).map(String::as_str)
    }

    /// Returns the labels of an entity.
    pub fn labels(&self, entity: &EntityRef) -> Option<&BTreeMap<String, String>> {
        self.entity(entity).map(|(metadata, _)| metadata.labels())
    }
}
