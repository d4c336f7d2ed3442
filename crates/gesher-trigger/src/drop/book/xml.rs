//! One part of a workbook as a stream of XML, bounded: in what it unpacks to, and in what stands between two tags.

use super::super::fault::{self, Fault};
use super::Archive;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

/// Bytes that one part may unpack to. A million rows of ten cells come to some 500 MB.
const PART_BYTES_MAX: u64 = 2 << 30;
/// Bytes that are unpacked for one tag or one piece of text.
const PIECE_BYTES_MAX: u64 = 4 << 20;

/// Counts what is unpacked, and stops at either bound.
struct Bounded<R> {
    from: R,
    left: u64,
    piece: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        let bytes = read as u64;
        let piece = self.piece.get().checked_sub(bytes);
        let (Some(left), Some(piece)) = (self.left.checked_sub(bytes), piece) else {
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        self.left = left;
        self.piece.set(piece);
        Ok(read)
    }
}

/// A part that is being read.
pub(super) struct Xml<'a> {
    reader: Reader<BufReader<Bounded<Box<dyn Read + 'a>>>>,
    buffer: Vec<u8>,
    piece: Rc<Cell<u64>>,
}

impl<'a> Xml<'a> {
    /// Opens a part by its name in the archive; none where there is no such part.
    pub(super) fn open(archive: &'a mut Archive, name: &str) -> Result<Option<Self>, Fault> {
        let name = name.trim_start_matches('/');
        // Some programs write other capitals in the list of parts than in the archive.
        let mut names = archive.file_names().filter_map(Result::ok);
        let found = names.find(|found| found.eq_ignore_ascii_case(name)).map(Cow::into_owned);
        drop(names);
        let Some(found) = found else { return Ok(None) };
        let part = archive.by_name(&found).map_err(|_broken| fault::book_damaged())?;
        if part.encrypted() {
            return Err(fault::book_protected());
        }
        let piece = Rc::new(Cell::new(PIECE_BYTES_MAX));
        let bounded =
            Bounded { from: Box::new(part) as Box<dyn Read>, left: PART_BYTES_MAX, piece: Rc::clone(&piece) };
        let mut reader = Reader::from_reader(BufReader::new(bounded));
        reader.config_mut().expand_empty_elements = true;
        Ok(Some(Self { reader, buffer: Vec::new(), piece }))
    }

    /// The next tag or piece of text.
    pub(super) fn next(&mut self) -> Result<Event<'_>, Fault> {
        self.buffer.clear();
        self.piece.set(PIECE_BYTES_MAX);
        self.reader.read_event_into(&mut self.buffer).map_err(|error| match error {
            quick_xml::Error::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                fault::book_too_large()
            }
            _ => fault::book_damaged(),
        })
    }
}

/// The value of an attribute, by its name without a prefix.
pub(super) fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, Fault> {
    for found in tag.attributes() {
        let found = found.map_err(|_broken| fault::book_damaged())?;
        if found.key.local_name().as_ref() == name {
            let value = found.normalized_value(quick_xml::XmlVersion::Implicit1_0);
            return Ok(Some(value.map_err(|_broken| fault::book_damaged())?.into_owned()));
        }
    }
    Ok(None)
}

/// The text of an event that is text; none for tags and the like.
pub(super) fn text(event: &Event<'_>) -> Result<Option<String>, Fault> {
    Ok(Some(match event {
        Event::Text(text) => text.xml10_content().into_owned(),
        Event::CData(text) => text.xml10_content().into_owned(),
        Event::GeneralRef(name) => {
            if let Some(c) = name.resolve_char_ref().map_err(|_broken| fault::book_damaged())? {
                c.to_string()
            } else {
                // An entity of one's own could mean anything, and swell.
                let known = quick_xml::escape::resolve_predefined_entity(&name.xml10_content());
                known.ok_or_else(fault::book_damaged)?.to_owned()
            }
        }
        _ => return Ok(None),
    }))
}
