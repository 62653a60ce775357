//! Whose signature a release must have: the fingerprints that are shipped.
//!
//! They are those that the Dockerfiles of `apache/flink-docker` were published with, each for one release: what everybody
//! who pulls Flink's official image has relied on since. Where a Dockerfile had the last digits of a fingerprint only,
//! nothing is shipped, as others can make a key with the same.

use crate::oci::Digest;

/// Releases, and the fingerprint of the primary key that each was signed with or through.
const SIGNERS: [(&str, &str); 65] = [
    ("1.8.0", "F2A67A8047499BBB3908D17AA8F4FD97121D7293"),
    ("1.8.1", "8FEA1EE9D0048C0CCC70B7573211B0703B79EA0E"),
    ("1.8.2", "E2C45417BED5C104154F341085BACB5AEFAE3202"),
    ("1.8.3", "EF88474C564C7A608A822EEC3FF96A2057B6476C"),
    ("1.9.0", "1C1E2394D3194E1944613488F320986D35C33D6A"),
    ("1.9.1", "E2C45417BED5C104154F341085BACB5AEFAE3202"),
    ("1.9.2", "EF88474C564C7A608A822EEC3FF96A2057B6476C"),
    ("1.9.3", "6B6291A8502BA8F0913AE04DDEB95B05BF075300"),
    ("1.10.0", "BB137807CEFBE7DD2616556710B12A1F89C115E8"),
    ("1.10.1", "D8D3D42E84C753CA5F170BDF93C07902771AB743"),
    ("1.10.2", "C63E230EFFF519A5BBF2C9AE6767487CD505859C"),
    ("1.10.3", "F8E419AA0B60C28879E876859DFF40967ABFC5A4"),
    ("1.11.0", "2DA85B93244FDFA19A6244500653C0A2CEA00D0E"),
    ("1.11.1", "6B6291A8502BA8F0913AE04DDEB95B05BF075300"),
    ("1.11.2", "C63E230EFFF519A5BBF2C9AE6767487CD505859C"),
    ("1.11.3", "F8E419AA0B60C28879E876859DFF40967ABFC5A4"),
    ("1.11.4", "4A978875E56AA2100EB0CF12A244D52CF0A40279"),
    ("1.11.6", "19F2195E1B4816D765A2C324C2EED7B111D464BA"),
    ("1.12.0", "43CE299BC305AFF8B912AA95183F6944D9839159"),
    ("1.12.1", "F8E419AA0B60C28879E876859DFF40967ABFC5A4"),
    ("1.12.2", "0D545F264D2DFDEBFD4E038F97B4625E2FCF517C"),
    ("1.12.3", "A53C7D531C6889386EB6D94E476DAA5D1FF08189"),
    ("1.12.4", "A53C7D531C6889386EB6D94E476DAA5D1FF08189"),
    ("1.12.5", "9545FBA24D2225795DBAAF8EFBB83C0A4FFB9CA8"),
    ("1.12.7", "19F2195E1B4816D765A2C324C2EED7B111D464BA"),
    ("1.13.2", "78A306590F1081CC6794DC7F62DAD618E07CF996"),
    ("1.13.3", "19F2195E1B4816D765A2C324C2EED7B111D464BA"),
    ("1.13.5", "19F2195E1B4816D765A2C324C2EED7B111D464BA"),
    ("1.13.6", "CCFA852FD039380AB3EC36D08C3FB007FE60DEFA"),
    ("1.14.2", "19F2195E1B4816D765A2C324C2EED7B111D464BA"),
    ("1.14.3", "10409A66C7C2F297C8581C2A12DEE3E4D920A98C"),
    ("1.14.4", "CCFA852FD039380AB3EC36D08C3FB007FE60DEFA"),
    ("1.14.5", "EB3FE0FA3282FAF822E434AE3C2C9FFB59DF9F3E"),
    ("1.14.6", "EB3FE0FA3282FAF822E434AE3C2C9FFB59DF9F3E"),
    ("1.15.0", "CBE82BEFD827B08AFA843977EDBF922A7BC84897"),
    ("1.15.1", "7D660377995CA7A5AFEBA79A3EE012FEE982F098"),
    ("1.15.2", "0F79F2AFB2351BC29678544591F9C1EC125FD8DB"),
    ("1.15.3", "90755B0A184BD9FFD22B6BE19D4F76C84EC11E37"),
    ("1.15.4", "0F79F2AFB2351BC29678544591F9C1EC125FD8DB"),
    ("1.16.0", "EB3FE0FA3282FAF822E434AE3C2C9FFB59DF9F3E"),
    ("1.16.1", "A5F3BCE4CBE993573EC5966A65321B8382B219AF"),
    ("1.16.2", "8D56AE6E7082699A4870750EA4E8C4C05EE6861F"),
    ("1.16.3", "B2D64016B940A7E0B9B72E0D7D0528B28037D8BC"),
    ("1.17.0", "A1BD477F79D036D2C30CA7DBCA8AEEC2F6EB040B"),
    ("1.17.1", "8D56AE6E7082699A4870750EA4E8C4C05EE6861F"),
    ("1.17.2", "2E0E1AB5D39D55E608071FB9F795C02A4D2482B3"),
    ("1.18.0", "96AE0E32CBE6E0753CE6DF6CB078D1D3253A8D82"),
    ("1.18.1", "96AE0E32CBE6E0753CE6DF6CB078D1D3253A8D82"),
    ("1.19.0", "028B6605F51BC296B56A5042E57D30ABEE75CA06"),
    ("1.19.1", "6378E37EB3AAEA188B9CB0D396C2914BB78A5EA1"),
    ("1.19.2", "5575E80D59BBB73C15A479B88C1FC56D16B0029D"),
    ("1.19.3", "CC33238850B5A92624ED7F6216AE0DDBBB2F380B"),
    ("1.20.0", "B2D64016B940A7E0B9B72E0D7D0528B28037D8BC"),
    ("1.20.1", "5575E80D59BBB73C15A479B88C1FC56D16B0029D"),
    ("1.20.2", "CC33238850B5A92624ED7F6216AE0DDBBB2F380B"),
    ("1.20.3", "5EE2CDBE52BDDB9CCB1C63B6E6BAF9CFABD4ED71"),
    ("1.20.4", "F7529FAE24811A5C0DF3CA741596BBF0726835D8"),
    ("2.0.0", "F8E419AA0B60C28879E876859DFF40967ABFC5A4"),
    ("2.0.1", "E60A9680590FF0FF13B9DE01224C2311410823C4"),
    ("2.0.2", "F7529FAE24811A5C0DF3CA741596BBF0726835D8"),
    ("2.1.0", "7A14EF9AD986EF0D56B2E73F6AF817E6C59EC690"),
    ("2.1.1", "5EAD34D67F105064591085E4AA69A48B2A51091D"),
    ("2.1.2", "F7529FAE24811A5C0DF3CA741596BBF0726835D8"),
    ("2.2.0", "7BC9FA3EBE7E3DC7CD0EA0454C09617EAF241D76"),
    ("2.2.1", "F7529FAE24811A5C0DF3CA741596BBF0726835D8"),
];

/// Whether a release may be signed by that key. One that is not in the table, as it is newer, may be by whoever signed one
/// that is.
pub(super) fn may_sign(version: &str, fingerprint: &str) -> bool {
    match pinned(version) {
        Some(pinned) => pinned == fingerprint,
        None => SIGNERS.iter().any(|(_, known)| *known == fingerprint),
    }
}

/// The only key that may have signed a release, if that is known.
pub(super) fn pinned(version: &str) -> Option<&'static str> {
    let mut signers = SIGNERS.iter();
    signers
        .find(|(release, _)| *release == version)
        .map(|(_, fingerprint)| *fingerprint)
}

/// What stands for the whole table.
pub(super) fn digest() -> Digest {
    let lines = SIGNERS.map(|(release, fingerprint)| format!("{release} {fingerprint}\n"));
    Digest::of(lines.concat().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flink::FlinkVersion;

    #[test]
    fn every_release_is_there_once_with_a_whole_fingerprint() {
        let versions = SIGNERS.map(|(release, _)| release.parse::<FlinkVersion>().unwrap());
        assert!(versions.is_sorted_by(|one, next| one < next));
        for (release, fingerprint) in SIGNERS {
            let upper = |c: char| c.is_ascii_digit() || matches!(c, 'A'..='F');
            assert_eq!(fingerprint.len(), 40, "{release}");
            assert!(fingerprint.chars().all(upper), "{release}");
        }
    }

    #[test]
    fn a_release_of_the_table_has_one_signer_and_another_any_of_them() {
        let (one, other) = (SIGNERS[0].1, SIGNERS[1].1);
        assert!(may_sign(SIGNERS[0].0, one));
        assert!(!may_sign(SIGNERS[0].0, other));
        assert!(may_sign("99.0.0", one) && may_sign("99.0.0", other));
        assert!(!may_sign("99.0.0", &"0".repeat(40)));
    }
}
