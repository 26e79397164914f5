/// Gives an enum without fields its words: `ALL`, `as_str` and `Display`. A variant that is missing in the list, or is
/// listed twice, does not compile.
///
/// ```
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// enum Light {
///     Red,
///     Green,
/// }
///
/// weir_findings::words!(Light { Red => "red", Green => "green" });
///
/// assert_eq!(Light::ALL, [Light::Red, Light::Green]);
/// assert_eq!(Light::Green.to_string(), "green");
/// ```
///
/// ```compile_fail,E0004
/// #[derive(Clone, Copy)]
/// enum Light {
///     Red,
///     Green,
/// }
///
/// weir_findings::words!(Light { Red => "red" });
/// ```
#[macro_export]
macro_rules! words {
    ($name:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        #[deny(unreachable_patterns)]
        impl $name {
            /// All values.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// Returns the word, as files and outputs write it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
